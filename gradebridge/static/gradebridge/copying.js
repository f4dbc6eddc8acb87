/* Buttons that copy what is shown beside them: <button data-copies="ID OF THE TEXT" data-copied="Copied" hidden>. */
"use strict";

/* Without https a browser has no clipboard for scripts: then the selected text is copied. */
async function copy(element) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(element.textContent);
  getSelection().selectAllChildren(element);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies);
    const status = button.parentElement.querySelector("[data-status]");
    status.textContent = "";
    try {
      await copy(text);
      status.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(text); // to be copied by hand
    }
  });
}
