"""Writes goldens.json beside this script: conversations as transformers renders them.

    pip install transformers==5.18.0 jinja2==3.1.6
    python make_chat_goldens.py [FOLDER OUT]

The templates here write the formats of the families in the idioms that their own templates use.
With FOLDER, the *.jinja files below it are rendered instead, and OUT written.
"""
import glob
import json
import os
import sys

import jinja2
import transformers
from transformers.utils import chat_template_utils

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
              "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "llama2": """{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}{% set system = messages[0]['content'] %}
{%- else %}{% set turns = messages %}{% set system = false %}{% endif -%}
{%- for m in turns -%}
  {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}
    {{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}
  {%- endif -%}
  {%- if loop.index0 == 0 and system != false -%}
    {%- set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + m['content'] -%}
  {%- else -%}{%- set content = m['content'] -%}{%- endif -%}
  {%- if m['role'] == 'user' -%}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
  {%- elif m['role'] == 'assistant' -%}{{ ' ' + content.strip() + ' ' + eos_token }}
  {%- endif -%}
{%- endfor -%}""",
    "llama3": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "qwen25": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'A helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nA helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    "mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if message.role in ["user", "assistant"] and not message.tool_calls %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" and message.content is not none %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
""",
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
             "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
             "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}"
             "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
             "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
             "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    "zephyr": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
              "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
              "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
              "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    "phi3": "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}"
            "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
            "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
            "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    "language": """{#- a comment -#}
{%- macro turn(m, mark='>', width=2) -%}
    {{ mark * width }} {{ m.role|title }}: {{ m['content']|replace('\\n', ' / ')|upper if m.role == 'user' else m.content }}
{%- endmacro -%}
{% set ns = namespace(count=0, seen=[]) %}
{% set block %}[{{ messages|length }}]{% endset %}
  {% for m in messages if m.role != 'system' %}
    {% if loop.index > 4 %}{% break %}{% endif %}
    {% set ns.count = ns.count + 1 %}
{{ turn(m, width=loop.index) }} {{ loop.first }} {{ loop.revindex0 }} {{ loop.previtem.role if loop.previtem is defined else 'none' }}
  {% else %}
    nobody
  {% endfor %}
{{ block }} {{ ns.count }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 7 / 2 }} {{ -3 // 2 }} {{ 1.5 + 2 }} {{ 'a' ~ 1 ~ none ~ true }} {{ [1, 'b', none, {'c': 2.0}] }}
{{ messages[::-1]|map(attribute='role')|join(', ') }} {{ messages[-1].content[:3] }} {{ 'abc'[::-1] }} {{ undefined_thing }}
{{ messages|selectattr('role', 'in', ['user', 'tool'])|list|length }} {{ (messages|first).role }} {{ 'x' in 'xyz' and not ('q' in ['r']) }}
{{ {'a': [1, 2], 'é': 'x"y', 'n': none, 't': true, 'f': 1.0} | tojson }} {{ {'b': {'c': []}} | tojson(indent=2) }}
{{ '  pad '|trim ~ '|' ~ ' x '.lstrip() ~ '|' ~ 'a,b,c'.split(',')[-1] ~ '|' ~ 'k=v'.split('=', 1) ~ 'ab'.startswith('a') }}
{%- for k, v in {'one': 1, 'two': 2}.items() %} {{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor +%}
{{ 'A' if 1 < 2 <= 2 else 'B' }} {{ none is none }} {{ 3 is odd }} {{ 'q'|default('d') }} {{ missing|default('d', true) }} {{ ''|default('e', true) }}
{% generation %}{{ messages[-1]['content'] | capitalize }}{% endgeneration %}
   {%+ if true %}kept{% endif %}
{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
end
""",
}
USER, MODEL = {"role": "user", "content": "  Hi there!\nHow are you? "}, {"role": "assistant", "content": "Fine, é 你 😀\n"}
SYSTEM = {"role": "system", "content": "Be brief."}
TOOL = {"type": "function", "function": {"name": "weather", "description": "of a \"city\"", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 3, "x": 1.5}}}]}
CONVERSATIONS = [
    ([USER], None), ([SYSTEM, USER], None), ([USER, MODEL, {"role": "user", "content": "Bye"}], None),
    ([SYSTEM, USER, MODEL, {"role": "user", "content": "Bye"}, MODEL], None), ([MODEL, USER], None), ([USER, USER], None),
    ([SYSTEM], None), ([USER], [TOOL]), ([SYSTEM, USER, CALL, {"role": "tool", "content": "20 °C"}], [TOOL]),
]


def render(template, messages, tools, prompt):
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], tools=tools, chat_template=template, add_generation_prompt=prompt,
            bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", strftime_now=lambda f: now.strftime(f))
        return {"text": rendered[0]}
    except jinja2.exceptions.TemplateError as e:
        return {"refused": str(e)}
    except Exception as e:
        return {"refused": type(e).__name__}


import datetime  # noqa: E402

now = datetime.datetime(2026, 3, 5, 9, 7, 1)
templates = TEMPLATES
if len(sys.argv) > 1:
    templates = {}
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "**", "*.jinja"), recursive=True)):
        with open(path, encoding="utf8", newline="") as f:
            templates[os.path.basename(path)] = f.read()
out = []
for name, template in templates.items():
    cases = []
    for messages, tools in CONVERSATIONS:
        for prompt in (False, True):
            cases.append({"messages": messages, "tools": tools, "prompt": prompt, **render(template, messages, tools, prompt)})
    out.append({"name": name, "template": template, "cases": cases})
goldens = {"transformers": transformers.__version__, "jinja2": jinja2.__version__, "templates": out}
with open(sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "goldens.json"), "w", encoding="utf8") as f:
    json.dump(goldens, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")
