// What Gradio has no component for: the frame with its points, the timeline, the objects, keys and uploads.
// Gradio runs this once, with `element` (viewer.html), `props.value` (Workspace.view), `watch` and `trigger`.

const SVG = "http://www.w3.org/2000/svg";
const FAR = 4; // screen pixels that a press may wander and still be a click
const root = element.closest("#sampt-viewer") || element;
const find = (selector) => element.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const place = (id) => document.getElementById(id);
const make = (tag, className, text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

let view = { frames: 0, revision: -1 };
let frame = 0; // the frame that is wanted
let shown = null; // the server's answer for the frame on the screen
let loading = false;
let stale = false; // the picture on the screen is not the wanted one
let mode = "positive";
let overlay = true;
let playing = false;
let following = false; // a run moves through the frames until the person does
let press = null;
let uploading = null;
let listed = ""; // what the list of objects shows
let away = false; // the server did not answer the last request

const ask = (action, rest = {}) => trigger("click", { action, ...rest });

// ---- frames ----------------------------------------------------------------------------------------------

function goto(number, byHand = true) {
  if (!view.frames) return;
  if (byHand) following = false;
  frame = Math.min(Math.max(Math.round(number), 0), view.frames - 1);
  find(".timeline input").value = frame;
  find(".number").value = frame;
  load();
}

// One request at a time; frames that were skipped meanwhile are never requested.
async function load() {
  stale = true;
  if (loading) return;
  loading = true;
  const slow = setTimeout(() => wait("Working …"), 400);
  while (stale) {
    stale = false;
    const wanted = frame;
    const answer = await fetchJson(`session/${view.token}/frame/${wanted}?masks=${overlay}`);
    if (answer.error) {
      say(answer.error);
    } else if (answer.frame < view.frames) {
      shown = answer;
      await paint();
    }
  }
  loading = false;
  clearTimeout(slow);
  if (!uploading) wait("");
  mark();
}

async function fetchJson(url, options = {}) {
  try {
    const answer = await fetch(url, options);
    const text = await answer.text();
    away = false;
    return said(answer.status, text);
  } catch {
    away = true;
    return { error: "The server does not respond. Is it still running?" };
  }
}

// The content of an answer. Its `error` is a sentence, even if a proxy or the web server sent plain text.
function said(status, text) {
  try {
    return JSON.parse(text);
  } catch {
    const why = status >= 500 ? "the server's terminal may have details" : text.trim().slice(0, 200);
    return { error: `Something went wrong (${status}): ${why}.` };
  }
}

// A sign of life, without which the session ends; and a check for news that a broken connection held back.
async function live() {
  if (!view.token) return;
  const before = away;
  const answer = await fetchJson(`session/${view.token}/alive`);
  if (answer.error) say(answer.error);
  else if (before || answer.revision > view.revision) ask("refresh");
}

async function paint() {
  const picture = find(".frame img");
  picture.src = shown.image;
  await picture.decode().catch(() => {});
  drawPoints();
}

// For programs that watch the page: which frame is on the screen, and whether everything is up to date.
function mark() {
  root.dataset.frame = shown ? shown.frame : "";
  root.dataset.revision = shown ? shown.revision : "";
  root.dataset.state = loading || uploading ? "loading" : view.job ? "running" : "idle";
}

// ---- points ----------------------------------------------------------------------------------------------

const colourOf = (id) => ((view.objects || []).find((o) => o.id === id) || {}).colour || "#1f77ff";

function drawPoints() {
  if (!view.frames) return;
  const svg = find(".frame svg");
  svg.setAttribute("viewBox", `-0.5 -0.5 ${view.width} ${view.height}`); // whole numbers are pixels' centres
  svg.replaceChildren(...(shown ? shown.points.map(drawPoint) : []));
}

function drawPoint(point) {
  const unit = view.width / (find(".frame").clientWidth || view.width); // a screen pixel
  const group = document.createElementNS(SVG, "g");
  const radius = unit * (point.given ? 9 : 7);
  const colour = colourOf(point.object);
  group.setAttribute("class", "point" + (point.visible ? "" : " hidden-here"));
  group.setAttribute("transform", `translate(${point.x} ${point.y})`);
  group.dataset.point = point.id;
  group.dataset.object = point.object;
  group.dataset.sign = point.positive ? "+" : "-";
  const add = (tag, attributes) => {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    group.append(shape);
  };
  const stroke = { "stroke-width": 2 * unit, stroke: point.positive ? "white" : colour };
  if (!point.given) stroke["stroke-dasharray"] = `${3 * unit} ${2 * unit}`;
  add("circle", { r: radius + 2 * unit, fill: "rgb(0 0 0 / 55%)" });
  add("circle", { r: radius, fill: point.positive ? colour : "white", ...stroke });
  const arm = radius * 0.5;
  const sign = point.positive ? `M0 ${-arm}V${arm}M${-arm} 0H${arm}` : `M${-arm} 0H${arm}`;
  add("path", { d: sign, stroke: point.positive ? "white" : "black", "stroke-width": 2 * unit });
  const title = document.createElementNS(SVG, "title");
  title.textContent =
    `${point.positive ? "on" : "off"} object ${point.object}` +
    (point.given ? "" : ", tracked to here") + (point.visible ? "" : ", not visible");
  group.append(title);
  return group;
}

function positionOf(event) {
  const box = find(".frame svg").getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * view.width - 0.5,
    y: ((event.clientY - box.top) / box.height) * view.height - 0.5,
  };
}

const groupOf = (event) => (event.target.closest ? event.target.closest("g.point") : null);

function pressed(event) {
  if (event.button !== 0 || !shown) return;
  const group = groupOf(event);
  press = { group, x: event.clientX, y: event.clientY, far: false };
  if (group) find(".frame svg").setPointerCapture(event.pointerId);
}

function moved(event) {
  if (!press) return;
  press.far ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > FAR;
  if (press.far && press.group) {
    const { x, y } = positionOf(event);
    press.group.setAttribute("transform", `translate(${x} ${y})`);
  }
}

function released(event) {
  if (!press) return;
  const { group, far } = press;
  press = null;
  const at = { frame: shown.frame, ...positionOf(event) };
  if (group) {
    const point = Number(group.dataset.point);
    if (far) ask("move-point", { point, ...at });
    else if (mode === "remove") removePoint(point);
  } else if (!far && mode !== "remove") {
    addPoint(at, (mode === "positive") !== event.shiftKey);
  }
}

function addPoint(at, positive) {
  const tentative = { id: 0, object: view.active, positive, visible: true, given: true, ...at };
  find(".frame svg").append(drawPoint(tentative)); // shown at once; the server's answer replaces it
  ask("add-point", { ...at, positive });
}

function removePoint(point) {
  if (point) ask("remove-point", { point, frame: shown.frame });
}

function removeHovered() {
  const group = find("g.point:hover");
  if (group) removePoint(Number(group.dataset.point));
}

function setMode(chosen) {
  mode = chosen;
  for (const button of all(".modes [data-mode]")) {
    button.setAttribute("aria-checked", String(button.dataset.mode === mode));
  }
  find(".frame").classList.toggle("removing", mode === "remove");
}

// ---- playing ---------------------------------------------------------------------------------------------

async function play(on) {
  if (on === playing) return;
  playing = on;
  find(".play").textContent = on ? "⏸ Pause" : "▶ Play";
  if (on && frame >= view.frames - 1) goto(0);
  while (playing && frame < view.frames - 1) {
    const pause = new Promise((done) => setTimeout(done, 1000 / Math.min(view.fps || 25, 60)));
    goto(frame + 1);
    await pause;
    while (playing && loading) await new Promise((done) => setTimeout(done, 5));
  }
  if (playing) play(false);
}

// ---- what the server says --------------------------------------------------------------------------------

function update() {
  const news = props.value;
  if (!news || news.revision < 0 || (news.token === view.token && news.revision < view.revision)) return;
  const before = view;
  view = news;
  remember(view.token);
  const other = before.token !== view.token || before.video !== view.video;
  find(".welcome").hidden = view.frames > 0;
  find(".stage").hidden = view.frames === 0;
  all(".open-session").forEach((button) => (button.hidden = view.frames === 0));
  find(".name").textContent = view.frames ? `${view.name} · ${view.width} × ${view.height}` : "";
  if (view.frames && other) beginVideo();
  if (view.job && !before.job) following = true;
  if (view.frames) {
    const followed = following && view.job && view.job.frame !== null ? view.job.frame : frame;
    const changed = before.revision !== view.revision || doneAt(before, frame) !== doneAt(view, frame);
    if (followed !== frame) goto(followed, false);
    else if (changed) load();
    drawStrip();
  }
  say(view.note || hint());
  drawObjects();
  drawProgress();
  drawDownloads();
  switchButtons();
  mark();
}

function switchButtons() {
  const working = Boolean(view.job);
  const usable = { undo: view.undo, redo: view.redo, run: view.frames && !working, cancel: working };
  for (const [name, on] of Object.entries(usable)) {
    const button = place(`sampt-${name}`);
    if (button) button.disabled = !on;
  }
}

// So that this tab finds its session when it is reloaded.
function remember(token) {
  try {
    if (token) sessionStorage.setItem("sampt", token);
  } catch {
    // The browser does not let pages store anything; then a new session starts.
  }
}

function beginVideo() {
  play(false);
  shown = null;
  frame = 0;
  const last = view.frames - 1;
  find(".timeline input").max = find(".number").max = last;
  find(".of").textContent = `of 0–${last}`;
  const box = find(".frame");
  box.style.aspectRatio = `${view.width} / ${view.height}`;
  box.style.maxWidth = `calc(72vh * ${view.width / view.height})`;
  goto(0);
}

const doneAt = (some, number) => (some.done || []).some(([first, last]) => first <= number && number <= last);

function hint() {
  if (!view.frames || view.job) return "";
  if (!view.marked.length) return "Click on an object to mark it.";
  if (view.pending) {
    return "The masks of this frame are made at once. Press Run to follow the objects through the other frames.";
  }
  return "All frames are done.";
}

function drawStrip() {
  const share = (n) => `${(100 * n) / view.frames}%`;
  const done = view.done.map(([first, last]) => {
    const stretch = make("i", "done");
    stretch.style.left = share(first);
    stretch.style.width = share(last - first + 1);
    return stretch;
  });
  const marked = view.marked.map((number) => {
    const tick = make("i", "marked");
    tick.style.left = share(number + 0.5);
    return tick;
  });
  const doubtful = view.doubts.map(({ first, last, reason, object_id }) => {
    const stretch = make("i", "doubtful");
    stretch.style.left = share(first);
    stretch.style.width = share(last - first + 1);
    stretch.title = `object ${object_id}, frames ${first}–${last}: ${reason}`;
    return stretch;
  });
  find(".strip").replaceChildren(...done, ...doubtful, ...marked);
}

function drawObjects() {
  const panel = place("sampt-objects");
  const wanted = JSON.stringify([view.objects, view.active, view.frames > 0]);
  const writing = panel && panel.contains(document.activeElement) && document.activeElement.dataset.changed;
  if (!panel || writing || wanted === listed) return;
  listed = wanted;
  const list = make("div", "list");
  for (const object of view.objects || []) list.append(drawObject(object));
  const empty = make("p", "empty", view.frames ? "Click on the frame to add the first one." : "No video yet.");
  panel.replaceChildren(make("h2", "", "Objects"), list.children.length ? list : empty);
}

function drawObject(object) {
  const row = make("div", "object" + (object.id === view.active ? " active" : ""));
  row.dataset.object = object.id;
  const swatch = make("span", "swatch", object.id);
  swatch.style.background = object.colour;
  const name = make("input", "");
  name.value = object.name;
  name.placeholder = `object ${object.id}`;
  name.setAttribute("aria-label", `Name of object ${object.id}`);
  name.addEventListener("input", () => (name.dataset.changed = "yes"));
  name.addEventListener("change", () => {
    delete name.dataset.changed;
    ask("rename-object", { object_id: object.id, name: name.value });
  });
  const remove = make("button", "", "✕");
  remove.setAttribute("aria-label", `Remove object ${object.id}`);
  remove.addEventListener("click", (event) => {
    event.stopPropagation();
    ask("remove-object", { object_id: object.id });
  });
  row.addEventListener("click", () => {
    if (object.id !== view.active) ask("select-object", { object_id: object.id });
  });
  row.append(swatch, name, make("span", "count", `${object.points} pt`), remove);
  return row;
}

function drawProgress() {
  const panel = place("sampt-progress");
  if (!panel) return;
  const job = view.job;
  if (!job) return panel.replaceChildren(make("p", "", view.preview ? "Masks are of preview quality." : ""));
  const track = make("div", "track");
  const bar = make("div", "filled");
  bar.style.width = `${(100 * job.done) / Math.max(job.total, 1)}%`;
  track.append(bar);
  panel.replaceChildren(track, make("p", "", `${job.label}: ${job.done} of ${job.total}`));
}

function drawDownloads() {
  const panel = place("sampt-downloads");
  if (!panel) return;
  const links = (view.exports || []).map(({ name, bytes }) => {
    const link = make("a", "", name);
    link.href = `session/${view.token}/export/${name}`;
    link.download = name;
    link.append(make("span", "", bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`));
    return link;
  });
  panel.replaceChildren(...links);
}

function say(text) {
  find(".note").textContent = text;
}

function wait(text) {
  const badge = find(".waiting");
  badge.textContent = text;
  badge.hidden = !text;
}

// ---- uploads ---------------------------------------------------------------------------------------------

function upload(kind, file) {
  if (!file || uploading || !view.token) return;
  if (file.size > props.max_upload) { // the server would only hang up on it
    say(`${file.name} is larger than the ${Math.floor(props.max_upload / 2 ** 20)} MB that this page accepts.`);
    return;
  }
  const request = (uploading = new XMLHttpRequest());
  request.open("PUT", `session/${view.token}/upload/${kind}?name=${encodeURIComponent(file.name)}`);
  request.upload.onprogress = ({ loaded, total }) => say(`Sending ${file.name}: ${Math.floor((100 * loaded) / total)} %`);
  request.onloadend = () => {
    uploading = null;
    let problem = request.status ? "" : "The file could not be sent; it may be too large.";
    if (request.status && request.status !== 200) problem = said(request.status, request.responseText).error;
    if (problem) say(problem);
    else ask("refresh");
    mark();
  };
  request.send(file);
  mark();
}

for (const kind of ["video", "session"]) {
  const chooser = find(`.${kind}-file`);
  all(`.open-${kind}`).forEach((button) => button.addEventListener("click", () => chooser.click()));
  chooser.addEventListener("change", () => {
    upload(kind, chooser.files[0]);
    chooser.value = "";
  });
}
element.addEventListener("dragover", (event) => {
  event.preventDefault();
  root.classList.add("dropping");
});
element.addEventListener("dragleave", () => root.classList.remove("dropping"));
element.addEventListener("drop", (event) => {
  event.preventDefault();
  root.classList.remove("dropping");
  const file = event.dataTransfer.files[0];
  if (file) upload(file.name.endsWith(".json") ? "session" : "video", file);
});

// ---- keys and buttons ------------------------------------------------------------------------------------

const press_button = (id) => {
  const button = place(id);
  if (button && !button.disabled) button.click();
};
const toggleOverlay = () => {
  overlay = !overlay;
  find(".overlay").setAttribute("aria-pressed", String(overlay));
  find(".frame").classList.toggle("bare", !overlay);
  load();
};

const KEYS = {
  ArrowLeft: (event) => goto(frame - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => goto(frame + (event.shiftKey ? 10 : 1)),
  Home: () => goto(0),
  End: () => goto(view.frames - 1),
  " ": () => play(!playing),
  n: () => press_button("sampt-new"),
  x: () => setMode(mode === "positive" ? "negative" : "positive"),
  r: () => press_button("sampt-run"),
  m: toggleOverlay,
  Escape: () => press_button("sampt-cancel"),
  Delete: removeHovered,
  Backspace: removeHovered,
};

function typed(event) {
  const writing = "textarea, select, [contenteditable], input:not([type=range], [type=checkbox])";
  if (event.target.matches(writing) || !view.frames || event.altKey) return;
  if (event.key === " " && event.target.matches("button, [type=checkbox]")) return; // it is pressed by this key
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let act = KEYS[key];
  if (event.ctrlKey || event.metaKey) {
    const redo = key === "y" || (key === "z" && event.shiftKey);
    act = redo ? () => press_button("sampt-redo") : key === "z" ? () => press_button("sampt-undo") : null;
  } else if (key >= "1" && key <= "9" && key.length === 1) {
    const object = view.objects.find(({ id }) => id === Number(key));
    act = object && (() => ask("select-object", { object_id: object.id }));
  }
  if (!act) return;
  event.preventDefault();
  act(event);
}

const svg = find(".frame svg");
svg.addEventListener("pointerdown", pressed);
svg.addEventListener("pointermove", moved);
svg.addEventListener("pointerup", released);
svg.addEventListener("pointercancel", () => (press = null));
svg.addEventListener("contextmenu", (event) => {
  event.preventDefault();
  const group = groupOf(event);
  if (group) removePoint(Number(group.dataset.point));
});
all(".modes [data-mode]").forEach((b) => b.addEventListener("click", () => setMode(b.dataset.mode)));
all("[data-step]").forEach((button) => {
  const { step } = button.dataset;
  const target = { first: () => 0, last: () => view.frames - 1 }[step] || (() => frame + Number(step));
  button.addEventListener("click", () => goto(target()));
});
find(".timeline input").addEventListener("input", (event) => goto(Number(event.target.value)));
find(".number").addEventListener("change", (event) => goto(Number(event.target.value)));
find(".play").addEventListener("click", () => play(!playing));
find(".overlay").addEventListener("click", toggleOverlay);
find(".demo").addEventListener("click", () => {
  say("Making the scene …");
  ask("demo");
});
document.addEventListener("keydown", typed);
document.addEventListener("click", ({ detail, target }) => {
  // A mouse leaves no focus behind, or Space would press the same button again.
  if (detail && target.closest("button, [type=checkbox]")) document.activeElement.blur();
});
new ResizeObserver(drawPoints).observe(find(".frame"));
window.addEventListener("beforeunload", (event) => {
  if (!away && (view.marked || []).length) event.preventDefault();
});

setMode("positive");
setInterval(live, 30_000);
watch("value", update);
update();
