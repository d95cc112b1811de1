
"use strict";
// Without this script nothing is missing but a search for each table, and the order of its rows by a column.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));

  const form = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("output");
  form.className = "search";
  input.type = "search";
  input.id = `${table.id}-search`;
  input.setAttribute("aria-controls", table.id);
  label.htmlFor = input.id;
  label.textContent = "Search";
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.value = words.length ? `${shown} of ${rows.length}` : "";
  });
  form.append(label, input, count);
  table.parentElement.before(form);

  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    const isNumber = heading.classList.contains("number");
    const value = ({ row }) => {
      const text = row.cells[column].textContent;
      return isNumber ? Number(text.replace(/\s/g, "")) || 0 : text;
    };
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending" || (isNumber && !heading.hasAttribute("aria-sort"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      const compare = isNumber ? (a, b) => a - b : (a, b) => a.localeCompare(b);
      rows.sort((a, b) => sign * compare(value(a), value(b)));
      body.append(...rows.map(({ row }) => row));
    });
  });
}
