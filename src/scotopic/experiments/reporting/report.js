"use strict";

// A click on a column's title sorts by it; what is not known stays at the end either way.
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === (head.classList.contains("number") ? "descending" : "ascending");
    const order = head.classList.contains("number") === down ? 1 : -1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const compare = (a, b) =>
      head.classList.contains("number") ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true });
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return order * compare(x, y);
    });
    body.append(...rows);
  });
}

// Above each strip, two of its pictures on each other, and an edge between them that can be moved.
for (const strip of document.querySelectorAll(".strip")) {
  const pictures = [...strip.querySelectorAll("img")];
  const names = [...strip.querySelectorAll(".label")].map((label) => label.textContent);
  if (pictures.length < 2) continue;
  const make = (tag, className, parent) => {
    const made = document.createElement(tag);
    made.className = className;
    parent.append(made);
    return made;
  };
  const slider = document.createElement("div");
  slider.className = "slider";
  const stage = make("div", "stage", slider);
  const sides = [make("img", "", stage), make("img", "", stage)];
  make("div", "edge", stage);
  const range = make("input", "", stage);
  Object.assign(range, { type: "range", min: 0, max: 100, step: "any", value: 50 });
  const choices = make("div", "choices", slider);
  const selects = ["left", "right"].map((side, index) => {
    const label = make("label", "", choices);
    label.textContent = side + " ";
    const select = make("select", "", label);
    names.forEach((name, at) => select.add(new Option(name, at)));
    select.selectedIndex = index;
    return select;
  });
  const show = () => {
    selects.forEach((select, index) => {
      const chosen = pictures[select.selectedIndex];
      sides[index].src = chosen.src;
      sides[index].alt = chosen.alt;
    });
    // The larger of the two gives the shape: what goes into super-resolution is small.
    const [wide, high] = [pictures[0], ...selects.map((select) => pictures[select.selectedIndex])]
      .map((picture) => ["width", "height"].map((side) => Number(picture.getAttribute(side))))
      .reduce((a, b) => (a[0] >= b[0] ? a : b));
    sides[0].style.aspectRatio = `${wide} / ${high}`;
    slider.style.setProperty("--wide", `${(78 * wide) / high}vh`);
    range.setAttribute(
      "aria-label",
      `Edge between ${names[selects[0].selectedIndex]} on the left and ${names[selects[1].selectedIndex]} on the right`,
    );
  };
  const move = () => stage.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", move);
  // With step "any" the arrow keys would creep: twenty presses cross the picture.
  range.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 }[event.key];
    if (!step) return;
    event.preventDefault();
    range.value = Number(range.value) + step;
    move();
  });
  for (const select of selects) select.addEventListener("change", show);
  // A click on a small picture puts it on the right.
  pictures.forEach((picture, at) => {
    picture.addEventListener("click", () => {
      selects[1].selectedIndex = at;
      show();
      slider.scrollIntoView({ block: "nearest" });
    });
  });
  strip.querySelector("h3").after(slider);
  show();
  move();
}
