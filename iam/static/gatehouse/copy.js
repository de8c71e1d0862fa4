// A button with data-copy copies the text of the element that it names, and says that it did.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  // What it says stays marked, so that it can be copied by hand where the browser does not let us.
  getSelection().selectAllChildren(source);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without https there is no clipboard of that kind.
    if (!document.execCommand("copy")) return;
  }
  button.textContent = button.dataset.copied;
});
