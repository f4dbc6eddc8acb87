// What htmx does not do on the dashboard: the chart follows its table, and who is signed out is asked to sign in.
const showDays = () => {
  const canvas = document.querySelector("canvas.chart");
  const given = document.querySelector("[data-chart]").dataset.chart;
  const chart = Chart.getChart(canvas);
  if (chart) {
    chart.data = JSON.parse(given);
    chart.update();
  } else {
    canvas.dataset.value = given; // Unfold draws it once the page is read
  }
};

showDays();

document.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id === "desk-days") showDays();
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const asked = new URL(detail.pathInfo.requestPath, location).pathname;
  if (new URL(detail.xhr.responseURL).pathname !== asked) location.reload();
});
