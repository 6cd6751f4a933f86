"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours"); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  system.addEventListener("change", label);
  label();

  const controls = document.getElementById("controls");
  const which = document.getElementById("which");
  const opacity = document.getElementById("opacity");
  if (!controls) return;
  controls.hidden = false;
  which.addEventListener("change", () => {
    for (const map of document.querySelectorAll(".map")) map.hidden = which.value && map.dataset.map !== which.value;
  });
  opacity.addEventListener("input", () => {
    for (const over of document.querySelectorAll(".over")) over.style.opacity = opacity.value / 100;
  });
})();
