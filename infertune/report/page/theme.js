// Dark or light: what the system says, until the button is pressed. Charts are told, for they draw their own pixels.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

function theme() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

// The colour that a custom property stands for now.
function colour(name) {
  const probe = el("span", { hidden: true });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function turned() {
  by("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  by("theme").setAttribute("aria-label", `Use ${theme() === "dark" ? "light" : "dark"} colours`);
  for (const listener of listeners) listener();
}

function beginTheme() {
  by("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    turned();
  });
  dark.addEventListener("change", turned);
  let before, unfolded;
  window.addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    turned();
    unfolded = [...document.querySelectorAll("#answer details, #failures details, #front-table")].filter((part) => !part.open);
    for (const part of unfolded) {
      part.fill?.();
      part.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    if (before) document.documentElement.dataset.theme = before;
    else delete document.documentElement.dataset.theme;
    for (const part of unfolded) part.open = false;
    turned();
  });
  turned();
}
