"use strict";
// Draws each chart that the page's data describes: {id, kind, x, y, log, series: [{name, points, names, dashed, marks, …}]}.
const colours = ["#2563a8", "#d1682a", "#2f8f5b", "#8a4fa3", "#b8323f", "#7a6a3a", "#2a9aa5", "#5d6b7a"];
const data = JSON.parse(document.getElementById("data").textContent);
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.color = "#3c4956";
Chart.defaults.animation = false;

function axis(title, log, fromZero) {
  return {
    type: log ? "logarithmic" : "linear", title: { display: true, text: title },
    grid: { color: "#e8ecf1" }, min: fromZero ? 0 : undefined, grace: log || fromZero ? 0 : "8%"
  };
}

function dataset(chart, series, i) {
  const colour = colours[(series.colour ?? i) % colours.length];
  const spots = chart.kind === "spots";
  return {
    label: series.name,
    data: chart.kind === "bars" ? series.points : series.points.map(p => ({ x: p[0], y: p[1] })),
    borderColor: colour,
    backgroundColor: series.faint ? colour + "55" : colour,
    borderWidth: chart.kind === "bars" ? 0 : 2,
    borderDash: series.dashed ? [5, 4] : [],
    pointRadius: chart.kind === "lines" ? (series.marks ? 5 : 0) : series.faint ? 3 : 7,
    pointStyle: series.faint ? "circle" : spots || series.marks ? "rectRounded" : "line",
    showLine: !spots && !series.spots,
    tension: 0
  };
}

for (const chart of data.charts) {
  const bars = chart.kind === "bars";
  new Chart(document.getElementById(chart.id), {
    type: bars ? "bar" : "scatter",
    data: { labels: chart.labels, datasets: chart.series.map((s, i) => dataset(chart, s, i)) },
    options: {
      maintainAspectRatio: false,
      scales: {
        x: bars ? { title: { display: true, text: chart.x }, grid: { display: false } } : axis(chart.x, false, chart.kind === "lines"),
        y: axis(chart.y, chart.log, false)
      },
      plugins: {
        legend: {
          display: !bars, position: "bottom",
          labels: { usePointStyle: true, filter: item => !chart.series[item.datasetIndex].unlisted }
        },
        tooltip: { callbacks: { label: item => {
          const name = chart.series[item.datasetIndex].names?.[item.dataIndex];
          return (name ? name + ", " : "") + item.dataset.label + ": " + (bars ? item.formattedValue
            : Number(item.parsed.x).toPrecision(4) + ", " + Number(item.parsed.y).toPrecision(4));
        } } }
      }
    }
  });
}
document.documentElement.dataset.drawn = data.charts.length;
