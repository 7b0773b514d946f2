(() => {
  "use strict";
  const given = JSON.parse(document.getElementById("studio").textContent);
  const TAGS = { en: "en", zh: "zh-CN" };
  const LANGUAGES = Object.keys(TAGS);
  const root = document.documentElement;
  const panel = document.getElementById("panel");

  // --- What the page knows --------------------------------------------------------------------

  const token = takeToken();
  const own = crypto.randomUUID();
  const changes = new Map();
  const figures = {};
  const shown = {};       // for which changes a language's report was made
  const evidence = {};    // for which changes its slow parts were made
  let number = 0;
  let wanted = 0;         // goes up with every change
  let running = false;
  let answer = null;      // the last good one
  let base = new Map();   // what the file says, by path
  let state = null;
  let trouble = null;     // what is wrong with the inputs as they are now
  let touched = "";       // the input that was changed last
  let lang = given.lang;
  let search = "";
  const opened = new Set(["plan"]);

  // The token stands behind #, which no browser sends on; it is kept for this tab alone.
  function takeToken() {
    const hash = new URLSearchParams(location.hash.slice(1));
    const found = hash.get("token");
    if (found) {
      sessionStorage.setItem("adsplit-token", found);
      hash.delete("token");
      history.replaceState(null, "", hash.size ? "#" + hash : location.pathname);
    }
    return found || sessionStorage.getItem("adsplit-token") || "";
  }

  const say = (key, slots = {}) =>
    given.words[lang][key].replace(/\{(\w+)\}/g, (_, slot) => slots[slot] ?? "");
  const key = () => JSON.stringify([...changes]);
  const page = (one) => document.getElementById("page-" + one);

  // --- Asking -----------------------------------------------------------------------------------

  async function ask(path, body = {}) {
    number += 1;
    const asked = { page: own, number, lang, changes: Object.fromEntries(changes), ...body };
    let response;
    try {
      response = await fetch(path, {
        method: "POST", body: JSON.stringify(asked), credentials: "omit", redirect: "error",
        headers: { "Content-Type": "application/json", "X-Adsplit-Token": token },
      });
      return { status: response.status, ...(await response.json()) };
    } catch {
      return { status: response ? response.status : 0, error: { kind: "gone" } };
    }
  }

  // Asks again while the studio is busy with another page.
  async function patiently(path, body) {
    for (;;) {
      const reply = await ask(path, body);
      if (reply.status !== 503) return reply;
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  }

  // The one loop that solves: it follows the newest change and drops what belongs to older ones.
  async function follow() {
    wanted += 1;
    remember();
    trouble = null;
    tell();
    if (running) return;
    running = true;
    let at;
    do {
      at = wanted;
      const reply = await patiently("/solve");
      if (at !== wanted) continue;
      if (reply.error) {
        trouble = reply.error.kind === "outdated" ? { kind: "again" } : reply.error;
      } else {
        answer = reply;
        if (!changes.size) base = new Map(reply.inputs.map((one) => [one.path, one.value]));
        tell();
        refresh();
        for (const one of [lang, ...LANGUAGES.filter((other) => other !== lang)]) {
          if (at !== wanted || shown[one] === key()) continue;
          const made = await patiently("/page", { lang: one, alone: true });
          if (at === wanted && made.html) put(made.html);
          if (one === lang && at === wanted) { running = false; tell(); running = true; }
        }
      }
    } while (at !== wanted);
    running = false;
    tell();
    refresh();
  }

  async function findEvidence(parts) {
    const at = wanted;
    announce(say("working"));
    for (const button of panel.querySelectorAll("[data-evidence]")) button.disabled = true;
    const reply = await patiently("/evidence", { parts });
    for (const button of panel.querySelectorAll("[data-evidence]")) button.disabled = false;
    if (reply.html && at === wanted) {
      for (const one of LANGUAGES) evidence[one] = key();
      put(reply.html);
      announce(say("evidence_done"));
    } else if (at === wanted) {
      trouble = reply.error.kind === "outdated" ? { kind: "again" } : reply.error;
      tell();
    } else {
      announce(say("evidence_stopped"));
    }
  }

  function announce(text) {
    document.getElementById("said").textContent = text;
    const work = document.getElementById("work");
    if (work) work.textContent = text;
  }

  function remember() {
    sessionStorage.setItem("adsplit-changes", JSON.stringify([token, [...changes]]));
  }

  // --- The report -------------------------------------------------------------------------------

  // Puts a report in place of the one that is shown; charts that stay are redrawn where they are.
  function put(html) {
    const made = new DOMParser().parseFromString(html, "text/html");
    const data = JSON.parse(made.getElementById("data").textContent);
    const isOpen = {};
    for (const fresh of made.querySelectorAll(".page")) {
      const one = fresh.dataset.lang;
      const old = page(one);
      shown[one] = key();
      keepEvidence(old, fresh);
      for (const spot of fresh.querySelectorAll(".plot")) {
        const drawn = old.querySelector(`.plot[data-chart="${CSS.escape(spot.dataset.chart)}"]`);
        if (drawn) spot.replaceWith(drawn);
      }
      isOpen[one] = [...old.querySelectorAll("details")].map((one) => one.open);
      old.replaceChildren(...fresh.childNodes);
      figures[one] = { ...figures[one], ...data.figures[one] };
    }
    const detail = { ...data, figures: { ...figures } };
    if (root.dataset.ready === undefined && !document.querySelector("script[src='/page.js']")) {
      begin(detail);
      return;
    }
    dispatchEvent(new CustomEvent("adsplit:content", { detail }));
    for (const [one, states] of Object.entries(isOpen)) {
      const now = [...page(one).querySelectorAll("details")];
      if (now.length === states.length) now.forEach((details, i) => { details.open = states[i]; });
    }
  }

  // Slow parts stay where they are, told to be of other inputs, until they are asked for anew.
  function keepEvidence(old, fresh) {
    const one = fresh.dataset.lang;
    if (evidence[one] === undefined || evidence[one] === key()) return;
    const appendix = fresh.querySelector(".appendix");
    const contents = fresh.querySelector(".contents ul");
    for (const section of old.querySelectorAll("main > section[id]")) {
      if (fresh.querySelector("#" + CSS.escape(section.id))) continue;
      if (!section.querySelector(".of-before")) {
        const note = element("p", "notice of-before", given.words[one].of_before);
        section.querySelector("h2").after(note);
      }
      appendix.before(section);
      const link = element("a", "", section.querySelector("h2").textContent);
      link.href = "#" + section.id;
      const item = element("li");
      item.append(link);
      contents.lastElementChild.before(item);
    }
  }

  // The first report is there: the page's own script takes over from here, as in a file.
  function begin(data) {
    document.getElementById("data").textContent = JSON.stringify(data);
    document.getElementById("loading").remove();
    page(lang).hidden = false;
    panel.hidden = false;
    const script = document.createElement("script");
    script.src = "/page.js";
    document.body.append(script);
    new MutationObserver(() => {
      const now = LANGUAGES.find((one) => TAGS[one] === root.lang);
      if (now === lang) return;
      lang = now;
      build();
      follow();
    }).observe(root, { attributeFilter: ["lang"] });
  }

  // --- The panel --------------------------------------------------------------------------------

  function element(name, kind = "", text = "", attributes = {}) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text) made.textContent = text;
    for (const [word, value] of Object.entries(attributes)) made.setAttribute(word, value);
    return made;
  }

  function button(text, action, kind = "") {
    const made = element("button", kind, text, { type: "button" });
    made.addEventListener("click", action);
    return made;
  }

  function build() {
    panel.setAttribute("aria-label", say("panel"));
    panel.lang = TAGS[lang];
    const isOpen = panel.dataset.open === "true";
    const bar = element("div", "bar");
    const result = element("div", "result");
    result.append(element("p", "state", "", { id: "state" }), element("p", "gist", "", { id: "gist" }));
    const toggle = button("", () => expand(panel.dataset.open !== "true"), "toggle");
    toggle.id = "toggle";
    toggle.setAttribute("aria-controls", "inputs");
    bar.append(result, toggle);
    const body = element("div", "", "", { id: "inputs" });
    const title = element("h2");
    title.append(element("bdi", "", state.name));
    body.append(
      title, starting(), element("div", "problem", "", { id: "problem", role: "alert" }),
      element("div", "", "", { id: "changes" }), saving(), searching(),
      element("div", "", "", { id: "groups" }), another(), asking(),
    );
    panel.replaceChildren(bar, body);
    expand(isOpen);
    groups();
    listChanges();
    tell();
  }

  function expand(open) {
    panel.dataset.open = open;
    const toggle = document.getElementById("toggle");
    toggle.setAttribute("aria-expanded", open);
    label();
  }

  function label() {
    const toggle = document.getElementById("toggle");
    const open = panel.dataset.open === "true";
    toggle.textContent = open ? say("close") : say("open", { count: changes.size });
  }

  function starting() {
    const label = element("label", "field", say("start"));
    const select = element("select", "", "", { id: "start" });
    select.append(new Option(say("as_written"), ""));
    for (const name of Object.keys(state.what_ifs)) select.append(new Option(name, name));
    select.value = "";
    select.addEventListener("change", () => {
      changes.clear();
      const chosen = state.what_ifs[select.value] || {};
      for (const [path, value] of Object.entries(chosen)) changes.set(path, value);
      touched = "";
      listChanges();
      follow();
    });
    label.append(select);
    return label;
  }

  function saving() {
    const form = element("form", "save", "", { id: "save" });
    const label = element("label", "field", say("name"));
    const name = element("input", "", "", {
      id: "name", type: "text", maxlength: 80, autocomplete: "off", spellcheck: "false",
    });
    label.append(name);
    const send = element("button", "main", say("save"), { type: "submit" });
    const told = element("div", "told-save", "", { id: "saved", role: "status" });
    form.append(label, send, told);
    if (!state.can_save) {
      name.disabled = send.disabled = true;
      told.textContent = say("no_file", { name: state.name });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save(name.value, false);
    });
    return form;
  }

  async function save(name, overwrite) {
    const told = document.getElementById("saved");
    told.textContent = "";
    const reply = await patiently("/save", { name, overwrite });
    if (!reply.error) {
      state = { ...state, what_ifs: reply.what_ifs };
      document.getElementById("start").replaceWith(starting().querySelector("select"));
      document.getElementById("start").value = reply.name;
      told.textContent = say(reply.replaced ? "replaced" : "saved", reply);
      told.append(element("code", "", `adsplit optimize ${reply.file} --what-if ${quoted(reply.name)}`));
      return;
    }
    const kind = reply.error.kind;
    if (kind === "exists") {
      told.textContent = say("exists", { name });
      told.append(button(say("overwrite"), () => save(name, true)));
    } else if (kind === "changed") {
      told.textContent = say("changed", { file: state.name });
      told.append(button(say("reload"), reload));
    } else {
      told.append(...words(reply.error));
    }
  }

  const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

  async function reload() {
    const reply = await patiently("/reload");
    if (reply.error) {
      document.getElementById("saved").replaceChildren(...words(reply.error));
      return;
    }
    state = reply;
    for (const one of LANGUAGES) shown[one] = undefined;
    build();
    await follow();
  }

  function searching() {
    const label = element("label", "field", say("search"));
    const field = element("input", "", "", { id: "search", type: "search", autocomplete: "off" });
    field.value = search;
    field.addEventListener("input", () => { search = field.value; groups(); });
    label.append(field);
    return label;
  }

  function another() {
    const details = element("details", "another");
    details.append(element("summary", "", say("another")), element("p", "hint", say("another_lead")));
    const form = element("form");
    const path = element("input", "", "", { type: "text", id: "path", autocomplete: "off" });
    const value = element("input", "", "", { type: "text", id: "value", autocomplete: "off" });
    for (const [text, field] of [[say("path"), path], [say("value"), value]]) {
      const label = element("label", "field", text);
      label.append(field);
      form.append(label);
    }
    form.append(element("button", "", say("set"), { type: "submit" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (path.value.trim()) change(path.value.trim(), value.value.trim());
    });
    details.append(form);
    return details;
  }

  function asking() {
    const part = element("div", "asking");
    part.append(element("h3", "", say("evidence")), element("p", "hint", say("evidence_lead")));
    for (const parts of ["prices", "all"]) {
      const made = button(say("evidence_" + parts), () => findEvidence(parts));
      made.dataset.evidence = parts;
      part.append(made);
    }
    part.append(element("p", "hint", "", { id: "work", "aria-live": "polite" }));
    return part;
  }

  // --- The inputs -------------------------------------------------------------------------------

  function groups() {
    const all = new Map();
    const looked = search.trim().toLowerCase();
    for (const one of answer.inputs) {
      const text = [one.path, one.labels[lang], answer.groups[one.group][lang]].join(" ").toLowerCase();
      if (looked && !looked.split(/\s+/).every((word) => text.includes(word))) continue;
      if (!all.has(one.group)) all.set(one.group, []);
      all.get(one.group).push(one);
    }
    const made = [...all].map(([name, list]) => group(name, list, looked !== ""));
    const none = element("p", "hint", say("none_found"));
    document.getElementById("groups").replaceChildren(...(made.length ? made : [none]));
  }

  // Rows are made when their group is opened: a large plan has thousands.
  function group(name, list, isOpen) {
    const details = element("details", "group");
    details.dataset.group = name;
    const summary = element("summary");
    summary.append(element("bdi", "", answer.groups[name][lang]), element("span", "count", String(list.length)));
    details.append(summary);
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(...list.map(row));
      if (!search) details.open ? opened.add(name) : opened.delete(name);
    };
    details.open = isOpen || opened.has(name);
    fill();
    details.addEventListener("toggle", fill);
    return details;
  }

  let rows = 0;

  function row(one) {
    rows += 1;
    const id = "input-" + rows;
    const made = element("div", "row");
    made.dataset.path = one.path;
    const label = element("label", "", "", { for: id });
    label.append(element("bdi", "", one.labels[lang]));
    if (one.help && lang === "en") label.title = one.help;
    const field = control(one);
    field.id = id;
    field.setAttribute("aria-describedby", id + "-note");
    field.addEventListener("change", () => change(one.path, read(one, field)));
    const line = element("div", "line");
    line.append(field);
    if (one.limits) line.append(slider(one, field));
    made.append(label, line, element("p", "note", "", { id: id + "-note" }));
    mark(made, one);
    return made;
  }

  function control(one) {
    if (one.kind === "choice") {
      const select = element("select");
      if (one.is_optional) select.append(new Option(say("nothing"), ""));
      for (const choice of one.choices) select.append(new Option(word(choice), choice));
      select.value = one.value ?? "";
      return select;
    }
    if (one.kind === "flag") {
      const box = element("input", "", "", { type: "checkbox" });
      box.checked = one.value === true;
      return box;
    }
    const isNumber = one.kind !== "text";
    const field = element("input", isNumber ? "number" : "", "", {
      type: "text", autocomplete: "off", spellcheck: "false",
    });
    if (isNumber) field.inputMode = "decimal";
    field.value = written(one, one.value);
    field.placeholder = one.is_optional ? say("nothing") : "";
    return field;
  }

  const plain = (value) => Number(value.toPrecision(12));

  // A value as its field shows it.
  function written(one, value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "object") return JSON.stringify(value);
    if (one.kind === "share" && typeof value === "number") return plain(value * 100) + "%";
    return typeof value === "number" ? String(plain(value)) : String(value);
  }

  // A value as text around it shows it.
  function legible(one, value) {
    if (one.kind === "choice" && typeof value === "string") return word(value);
    if (typeof value !== "number" || one.kind === "share" || Math.abs(value) < 10_000) {
      return written(one, value) || say("nothing");
    }
    return new Intl.NumberFormat(TAGS[lang], { maximumFractionDigits: 2 }).format(value);
  }

  const word = (choice) => given.words[lang]["choice." + choice] ?? choice;

  // What a field says, as a what-if of the file would.
  function read(one, field) {
    if (one.kind === "flag") return field.checked;
    const text = field.value.trim();
    if (text === "") return null;
    const share = /^([\d.]+)\s*[%％]$/.exec(text);
    if (one.kind === "share" && share) return plain(Number(share[1]) / 100);
    return one.kind !== "text" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
  }

  function stops(one) {
    const [least, most, step] = one.limits;
    const stated = base.get(one.path);
    const number = one.kind === "percent" ? parseFloat(stated) : stated;
    const all = new Set([least, most]);
    for (let i = Math.ceil(least / step); i * step < most; i += 1) {
      if (i * step > least) all.add(plain(i * step));
    }
    if (typeof number === "number" && number >= least && number <= most) all.add(number);
    return [...all].sort((a, b) => a - b);
  }

  function slider(one, field) {
    const made = element("input", "", "", { type: "range", min: 0, step: 1 });
    made.setAttribute("aria-label", one.labels[lang]);
    const places = stops(one);
    made.max = places.length - 1;
    const seat = (value) => {
      const number = one.kind === "percent" ? parseFloat(value) : Number(value ?? 0);
      const near = places.reduce((best, place, i) =>
        Math.abs(place - number) < Math.abs(places[best] - number) ? i : best, 0);
      made.value = near;
      made.setAttribute("aria-valuetext", written(one, value) || say("nothing"));
    };
    seat(one.value);
    made.addEventListener("input", () => {
      const place = places[made.value];
      const value = one.kind === "percent" ? plain(place) + "%" : place;
      field.value = written(one, value);
      made.setAttribute("aria-valuetext", field.value);
      change(one.path, value);
    });
    made.seat = seat;
    return made;
  }

  // A change is kept last, since later ones lie on top of earlier ones; the stated value is none.
  function change(path, value) {
    changes.delete(path);
    if (!(base.has(path) && (base.get(path) ?? null) === value)) changes.set(path, value);
    touched = path;
    listChanges();
    follow();
  }

  function undo(path) {
    changes.delete(path);
    touched = path;
    listChanges();
    follow();
  }

  function name(path) {
    const one = answer.inputs.find((each) => each.path === path);
    return one ? `${answer.groups[one.group][lang]} · ${one.labels[lang]}` : path;
  }

  function listChanges() {
    const part = document.getElementById("changes");
    label();
    document.getElementById("save").hidden = !changes.size && state.can_save;
    if (!changes.size) {
      part.replaceChildren(element("p", "hint", say("no_changes")));
      return;
    }
    const list = element("ul", "changes");
    for (const [path, value] of changes) {
      const one = answer.inputs.find((each) => each.path === path) || { kind: "text" };
      const item = element("li");
      const text = element("span");
      const before = base.has(path) ? legible(one, base.get(path)) : "";
      text.append(element("bdi", "", name(path)), ": ");
      if (before) text.append(element("s", "", before), " ");
      text.append(element("b", "", legible(one, value)));
      const back = button("↶", () => undo(path), "undo");
      back.setAttribute("aria-label", say("undo", { name: name(path) }));
      item.append(text, back);
      list.append(item);
    }
    const reset = button(say("reset"), () => { changes.clear(); touched = ""; listChanges(); follow(); });
    reset.id = "reset";
    part.replaceChildren(element("h3", "", say("changes")), list, reset);
  }

  // Rows follow the answer, but for the one that is being written in.
  function refresh() {
    const byPath = new Map(answer.inputs.map((one) => [one.path, one]));
    const there = [...document.querySelectorAll("#groups .row")];
    const known = new Set(there.map((made) => made.dataset.path));
    const isSame = there.every((made) => byPath.has(made.dataset.path));
    const opens = [...document.querySelectorAll("#groups details[open]")].map((one) => one.dataset.group);
    const isWhole = answer.inputs.every((one) => !opens.includes(one.group) || known.has(one.path) || search);
    if (!isSame || !isWhole) {
      groups();
    } else {
      for (const made of there) {
        const one = byPath.get(made.dataset.path);
        const [field, range] = made.querySelectorAll("input, select");
        if (document.activeElement !== field && !trouble) {
          if (one.kind === "flag") field.checked = one.value === true;
          else field.value = one.kind === "choice" ? one.value ?? "" : written(one, one.value);
        }
        if (range && document.activeElement !== range && !trouble) range.seat(one.value);
        mark(made, one);
      }
    }
    listChanges();
  }

  // What stands below an input: what is wrong with it, what the file says, what it amounts to.
  function mark(made, one) {
    const field = made.querySelector("input, select");
    const note = made.querySelector(".note");
    const wrong = faultsOf(one.path);
    made.classList.toggle("changed", changes.has(one.path));
    made.classList.toggle("wrong", wrong.length > 0);
    wrong.length ? field.setAttribute("aria-invalid", "true") : field.removeAttribute("aria-invalid");
    if (wrong.length) note.textContent = wrong.join(" ");
    else if (changes.has(one.path) && base.has(one.path)) {
      note.textContent = say("stated", { value: legible(one, base.get(one.path)) });
    } else note.textContent = inShort(one);
  }

  function inShort(one) {
    if (!one.is_money || typeof one.value !== "number" || Math.abs(one.value) < 10_000) return "";
    const currency = (answer.inputs.find((each) => each.path === "currency") || {}).value || "";
    const text = new Intl.NumberFormat(TAGS[lang], { notation: "compact", maximumFractionDigits: 2 });
    return `${text.format(one.value)} ${currency}`;
  }

  // --- What is told -----------------------------------------------------------------------------

  function faultsOf(path) {
    if (!trouble) return [];
    if (trouble.kind === "infeasible" && path === touched) return [say("infeasible")];
    return (trouble.faults || [])
      .filter((fault) => fault.path === path)
      .map((fault) => [fault.problem, fault.advice].filter(Boolean).join(". "));
  }

  function words(error) {
    if (error.kind === "faults") {
      return error.faults.map((fault) => {
        const made = element("p");
        if (fault.path) made.append(element("code", "", fault.path), ": ");
        made.append([fault.problem, fault.advice].filter(Boolean).join(". "));
        return made;
      });
    }
    const made = [element("p", "", error.kind in KNOWN ? say(error.kind) : error.message || say("failed"))];
    if (error.kind === "infeasible") {
      made.push(element("p", "", error.message));
      const list = element("ul");
      list.append(...error.ways.map((way) => element("li", "", way)));
      made.push(list);
    }
    return made;
  }

  const KNOWN = { infeasible: 1, gone: 1, again: 1 };

  function tell() {
    const bar = document.getElementById("state");
    if (!bar) {
      if (trouble) document.getElementById("loading-text").replaceChildren(...words(trouble));
      return;
    }
    const isOld = shown[lang] !== key();
    const word = trouble ? "wrong" : running ? "solving" : "ready";
    bar.dataset.state = word;
    bar.textContent = { wrong: say("wrong"), solving: say("solving"), ready: statusText() }[word];
    const gist = document.getElementById("gist");
    const value = answer.cards[1] || answer.cards[0];
    gist.replaceChildren(element("b", "", value.value), ` ${value.title} `);
    if (answer.against && changes.size) gist.append(element("span", "against", answer.against));
    const problem = document.getElementById("problem");
    if (trouble) problem.replaceChildren(...words(trouble));
    else problem.replaceChildren();
    markOld(isOld);
    root.dataset.studio = trouble ? "wrong" : running ? "solving" : isOld ? "old" : "ready";
    for (const made of document.querySelectorAll("#groups .row")) {
      const one = answer.inputs.find((each) => each.path === made.dataset.path);
      if (one) mark(made, one);
    }
  }

  function statusText() {
    return say(answer.figures.status === "optimal" ? "ready" : "stopped");
  }

  function markOld(isOld) {
    for (const one of LANGUAGES) {
      const main = page(one).querySelector("main");
      if (!main) continue;
      const note = main.querySelector(".old-notice");
      if (!isOld && note) note.remove();
      if (isOld && !note) main.prepend(element("p", "notice old-notice", given.words[one].old));
    }
  }

  // --- The beginning ----------------------------------------------------------------------------

  async function start() {
    state = await ask("/state");
    const loading = document.getElementById("loading-text");
    if (state.error) {
      loading.textContent = state.status === 401 ? say("no_token") : say("gone");
      return;
    }
    const first = await patiently("/solve");
    if (first.error) {
      loading.replaceChildren(...words(first.error));
      return;
    }
    answer = first;
    base = new Map(first.inputs.map((one) => [one.path, one.value]));
    const asked = new URLSearchParams(location.hash.slice(1)).get("lang");
    if (asked in TAGS) lang = asked;
    root.lang = TAGS[lang];
    const made = await patiently("/page");
    if (!made.html) {
      loading.replaceChildren(...words(made.error));
      return;
    }
    build();
    put(made.html);
    tell();
    const kept = JSON.parse(sessionStorage.getItem("adsplit-changes") || "[]");
    if (kept[0] === token && kept[1].length) {
      for (const [path, value] of kept[1]) changes.set(path, value);
      listChanges();
      follow();
    }
  }

  start();
})();
