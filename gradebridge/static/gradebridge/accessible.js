/* What Unfold's templates leave open to a screen reader and a keyboard, and cannot be said in a template of ours. */
"use strict";

/* Icons are drawn from their names: without this they are read aloud ("swap_vert Import"). */
function hideIcons(root) {
  for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) icon.setAttribute("aria-hidden", "true");
}

/* A field in a row of a table has the heading of its column as its name. */
function nameFields(root) {
  for (const field of root.querySelectorAll(".inline-related td :is(input, select, textarea):not([type=hidden]):not([aria-label])")) {
    if (field.labels && field.labels.length && field.labels[0].textContent.trim()) continue;
    const cell = field.closest("td");
    const name = (cell.dataset.label || cell.closest("table")?.querySelectorAll("thead th")[cell.cellIndex]?.textContent || "").trim();
    if (name) field.setAttribute("aria-label", name);
  }
  const boxes = ".select2-selection__rendered[role=textbox]:not([aria-label]), .select2 .select2-search__field:not([aria-label])";
  for (const box of root.querySelectorAll(boxes)) {
    const select = box.closest(".select2").previousElementSibling;
    const name = select?.getAttribute("aria-label") || select?.labels?.[0]?.textContent.trim();
    if (name) box.setAttribute("aria-label", name);
  }
  for (const hint of root.querySelectorAll(".search-label-icon:not([role])")) hint.setAttribute("role", "img");
}

/* A box that chooses a row is named for it; all boxes of a list were called alike. */
function nameChoices(root) {
  for (const box of root.querySelectorAll("#result_list input.action-select:not([data-named])")) {
    const row = box.closest("tr").querySelector("th, td:nth-child(2)");
    if (row) box.setAttribute("aria-label", `${box.getAttribute("aria-label") || ""}: ${row.textContent.trim()}`);
    box.dataset.named = "";
  }
}

/* On a phone the cells of a list carry the names of their columns: "Flow id", as the heading has it. */
function startLabels(root) {
  for (const cell of root.querySelectorAll(".result-list [data-label]:not([data-started])")) {
    cell.dataset.label = cell.dataset.label.charAt(0).toUpperCase() + cell.dataset.label.slice(1);
    cell.dataset.started = "";
  }
}

function complete() {
  hideIcons(document);
  startLabels(document);
  nameFields(document);
  nameChoices(document);
}

document.addEventListener("DOMContentLoaded", () => {
  complete();
  let isDue = false;
  new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; complete(); });
  }).observe(document.body, { childList: true, subtree: true });
});
