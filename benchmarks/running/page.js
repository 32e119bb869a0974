"use strict";

// Tables whose rows can be sorted by a column, found by name, and opened to show every frame's J and F.

const data = JSON.parse(document.getElementById("frame-scores")?.textContent ?? "{}");
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [360, 140, 30, 8, 8, 20];

function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "line", "polyline", "text", "circle"].includes(tag);
  const element = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/* sorting */

function sortKey(cell) {
  if (cell.tagName === "TH") return cell.textContent;
  return parseFloat((cell.dataset.value ?? cell.textContent).replace("−", "-"));
}

function compare(a, b, sign) {
  if (typeof a === "string") return sign * a.localeCompare(b, "en", { numeric: true });
  if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b); // what is unknown is last either way
  return sign * (a - b);
}

function rowsOf(table) {
  return [...table.tBodies[0].rows].filter((row) => !row.classList.contains("opened"));
}

function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const before = heads[column].getAttribute("aria-sort");
  const first = column === 0 ? "ascending" : "descending"; // names from A, scores from the best
  const other = first === "ascending" ? "descending" : "ascending";
  const order = before === first ? other : first;
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const keyed = rowsOf(table).map((row) => [sortKey(row.cells[column]), row]);
  keyed.sort(([a], [b]) => compare(a, b, sign));
  for (const [, row] of keyed) {
    const opened = row.nextElementSibling?.classList.contains("opened") ? row.nextElementSibling : null;
    table.tBodies[0].append(row, ...(opened ? [opened] : []));
  }
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    head.append(button);
  });
}

/* finding */

function makeFindable(tools) {
  const table = document.getElementById(tools.dataset.table);
  const input = tools.querySelector("input");
  const status = tools.querySelector("[role=status]");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const rows = rowsOf(table);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
      if (row.nextElementSibling?.classList.contains("opened")) row.nextElementSibling.hidden = row.hidden;
    }
    status.textContent = wanted ? `${shown} of ${rows.length}` : "";
  });
  tools.hidden = false;
}

/* charts */

function frameNames(names) {
  if (typeof names[0] === "string") return names;
  const [first, step, digits, count] = names;
  return Array.from({ length: count }, (_, k) => String(first + k * step).padStart(digits, "0"));
}

function scoresOf(codes, frames) {
  const known = Array.from({ length: codes.length / 2 }, (_, k) => codes.slice(2 * k, 2 * k + 2));
  const scores = known.map((code) => (code === "zz" ? NaN : parseInt(code, 36) / 10));
  return [...Array(frames - scores.length).fill(NaN), ...scores];
}

class Chart {
  constructor(title, series, names) {
    this.series = series;
    this.x = (k) => LEFT + ((WIDTH - LEFT - RIGHT) * k) / Math.max(names.length - 1, 1);
    this.y = (score) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - score / 100);
    this.cursor = make("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
    this.svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over frames` });
    for (const score of [0, 50, 100]) {
      const y = this.y(score);
      this.svg.append(make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
      this.svg.append(make("text", { x: LEFT - 5, y: y + 3.5, "text-anchor": "end" }, String(score)));
    }
    const last = names.length - 1;
    for (const [k, anchor] of new Map([[0, "start"], [Math.round(last / 2), "middle"], [last, "end"]])) {
      this.svg.append(make("text", { x: this.x(k), y: HEIGHT - 5, "text-anchor": anchor }, names[k]));
    }
    series.forEach((scores, k) => this.svg.append(this.line(scores, k)));
    this.svg.append(this.cursor);
    this.element = make("figure", {}, make("figcaption", {}, title), this.svg);
  }

  line(scores, object) {
    const group = make("g", { class: `object-${object % 9}` });
    const points = scores.map((score, k) => [this.x(k).toFixed(1), this.y(score).toFixed(1), score]);
    let run = [];
    const finish = () => {
      if (run.length > 1) group.append(make("polyline", { points: run.map(([x, y]) => `${x},${y}`).join(" ") }));
      else if (run.length) group.append(make("circle", { cx: run[0][0], cy: run[0][1], r: 2 }));
      run = [];
    };
    for (const point of points) isNaN(point[2]) ? finish() : run.push(point);
    finish();
    return group;
  }

  show(k) {
    this.cursor.setAttribute("x1", this.x(k));
    this.cursor.setAttribute("x2", this.x(k));
  }
}

function charts(sequence) {
  const { frames, objects } = data[sequence];
  const names = frameNames(frames);
  const [j, f] = [1, 2].map((part) => objects.map((object) => scoresOf(object[part], names.length)));
  const both = [new Chart("J", j, names), new Chart("F", f, names)];
  const slider = make("input", { type: "range", min: 0, max: names.length - 1, value: 0, "aria-label": "Frame" });
  const readout = make("dl", { class: "readout" });
  const show = (k) => {
    slider.value = k;
    slider.setAttribute("aria-valuetext", `frame ${names[k]}`);
    for (const chart of both) chart.show(k);
    const text = (score) => (isNaN(score) ? "–" : score.toFixed(1));
    readout.replaceChildren(
      make("div", {}, make("dt", {}, "frame"), make("dd", {}, names[k])),
      ...objects.map(([id], object) =>
        make("div", { class: `object-${object % 9}` },
          make("dt", {}, make("i", { "aria-hidden": "true" }), `object ${id}`),
          make("dd", {}, `J ${text(j[object][k])}, F ${text(f[object][k])}`))),
    );
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  for (const { svg } of both) {
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * WIDTH;
      const share = (at - LEFT) / (WIDTH - LEFT - RIGHT);
      show(Math.round(Math.min(Math.max(share, 0), 1) * (names.length - 1)));
    });
  }
  show(0);
  return make("div", { class: "charts" }, ...both.map((chart) => chart.element), slider, readout);
}

function makeOpenable(table) {
  for (const row of rowsOf(table)) {
    const head = row.cells[0];
    const name = head.textContent;
    if (!Object.hasOwn(data, name)) continue;
    const button = make("button", { type: "button", "aria-expanded": "false" }, name);
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) return row.nextElementSibling.remove();
      row.after(make("tr", { class: "opened" }, make("td", { colspan: row.cells.length }, charts(name))));
      row.nextElementSibling.scrollIntoView({ block: "nearest" });
    });
    head.replaceChildren(button);
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  makeOpenable(table);
  makeSortable(table);
}
for (const tools of document.querySelectorAll(".tools")) makeFindable(tools);
