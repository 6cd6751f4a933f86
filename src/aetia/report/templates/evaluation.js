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

  const filters = document.getElementById("filters");
  if (!filters) return;
  const replies = [...document.querySelectorAll(".reply")];
  const chosen = { task: document.getElementById("filter-task"), way: document.getElementById("filter-way"), right: document.getElementById("filter-right") };
  const count = document.getElementById("count");
  const apply = () => {
    let shown = 0;
    for (const reply of replies) {
      const fits = Object.entries(chosen).every(([name, select]) => !select.value || reply.dataset[name] === select.value);
      reply.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} shown`;
  };
  filters.hidden = false;
  Object.values(chosen).forEach((select) => select.addEventListener("change", apply));
  apply();
})();
