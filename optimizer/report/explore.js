// What-ifs over solved points. The page gives its hooks; what is shown is always a point of the data.
function exploring(hooks) {
  "use strict";
  const { data, page, language, redraw, say, remember } = hooks;
  const points = data.explore;
  const langs = Object.keys(data.tags);
  const state = { place: 0, world: 0, budget: 0, share: 0, pin: null };

  const part = (lang, name) => page(lang).querySelector(`[data-explore="${name}"]`);
  const texts = (lang, world = state.world) => points.texts[lang].worlds[world];
  const width = (world) => points.worlds[world].shares.length;
  const spot = (at) => at.budget * width(at.world) + at.share;
  const money = (at) => points.worlds[at.world].points[spot(at)];
  const told = (lang, at) => texts(lang, at.world).points[spot(at)];
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function written(lang, value, signed = false) {
    if (value === null || value === undefined) return data.words.none[lang];
    const digits = points.digits;
    const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const size = Math.abs(value) < 0.5 * 10 ** -digits ? 0 : Math.abs(value);
    const text = new Intl.NumberFormat(data.tags[lang], form).format(size);
    if (size === 0 || (!signed && value > 0)) return text;
    return (value > 0 ? "+" : "\u2212\u2060") + text;
  }

  // Sliders and menus of both languages stand at the same point.
  function seat(lang) {
    const world = points.worlds[state.world];
    part(lang, "scenario").value = String(state.place);
    for (const [name, stops] of [["budget", world.budgets], ["share", world.shares]]) {
      const input = part(lang, name);
      if (!input) continue;
      const labels = texts(lang)[name + "s"];
      input.max = String(stops.length - 1);
      input.value = String(state[name]);
      input.setAttribute("aria-valuetext", labels[state[name]]);
      input.parentElement.querySelector("output").textContent = labels[state[name]];
      const ends = input.parentElement.querySelectorAll(".ends span");
      ends[0].textContent = labels[0];
      ends[1].textContent = labels[labels.length - 1];
    }
  }

  // What is pinned, in words: its scenario, and what it brings.
  function pinned(lang) {
    const at = state.pin;
    const exact = points.places.findIndex((place) => place.join() === [at.world, at.budget, at.share].join());
    const place = exact >= 0 ? exact : points.places.findIndex(([world]) => world === at.world);
    const scenario = part(lang, "scenario").options[place].textContent;
    const here = told(lang, at);
    return points.texts[lang].pinned
      .replace("{scenario}", () => scenario).replace("{says}", () => here.says || here.reason);
  }

  function fill(lang) {
    const here = told(lang, state);
    const failed = here.reason !== undefined;
    for (const node of page(lang).querySelectorAll("[data-explore-text]")) {
      const name = node.dataset.exploreText;
      if (name === "note" || name === "noun") node.textContent = texts(lang)[name];
      else if (name === "kept") node.hidden = state.world === 0;
      else if (name === "pinned") {
        node.hidden = !state.pin;
        node.textContent = state.pin ? pinned(lang) : "";
      }
      else if (name === "says") node.textContent = failed ? here.reason : here.says;
      else node.textContent = failed ? data.words.none[lang] : here[name];
      if (name === "says") node.classList.toggle("failed", failed);
    }
    const pin = page(lang).querySelector("[data-do=pin]");
    pin.textContent = points.texts[lang][state.pin ? "unpin" : "pin"];
    pin.setAttribute("aria-pressed", String(Boolean(state.pin)));
  }

  // Columns of the table: this plan, its change, recommended, today where it is known, pinned.
  function columns() {
    const shown = money(state);
    const pinned = state.pin ? money(state.pin) : null;
    const change = shown && shown.map((value, i) => value - points.recommended[i]);
    const today = points.today ? [points.today] : [];
    return [shown, change, points.recommended, ...today, pinned];
  }

  function tabulate(lang) {
    const table = page(lang).querySelector(`#explore-table-${lang}`);
    const own = columns();
    const rows = [...table.tBodies[0].rows, table.tFoot.rows[0]];
    rows.forEach((row, i) => {
      own.forEach((values, k) => {
        const total = i === rows.length - 1;
        const value = values && (total ? sum(values) : values[i]);
        row.cells[k + 1].textContent = written(lang, values ? value : null, k === 1);
      });
    });
    for (const cell of table.querySelectorAll("[data-explore-pin]")) cell.hidden = !state.pin;
  }

  function figure(lang) {
    if (!data.figures) return;
    const traces = data.figures[lang].explore.data;
    const shown = money(state);
    const bars = traces[0];
    bars.x = (shown || []).slice(0, points.shown);
    bars.y = bars.x.map((_, i) => i);
    bars.customdata = bars.x.map((value, i) => points.texts[lang].hover[i] + written(lang, value));
    traces[traces.length - 1].x = state.pin ? (money(state.pin) || []).slice(0, points.shown) : [];
    redraw(lang, "explore");
  }

  function show(keep = true) {
    for (const lang of langs) { seat(lang); fill(lang); tabulate(lang); }
    figure(language());
    if (keep) remember();
  }

  function go(place) {
    const [world, budget, share] = points.places[place];
    Object.assign(state, { place, world, budget, share });
  }

  // The scenario that the menu names: the one that stands here, or else the first of this world.
  function placed() {
    const same = (place) => place.join() === [state.world, state.budget, state.share].join();
    const here = points.places.findIndex(same);
    return here >= 0 ? here : points.places.findIndex(([world]) => world === state.world);
  }

  function turn(input) {
    const name = input.dataset.explore;
    if (name === "scenario") go(Number(input.value));
    else {
      state[name] = Number(input.value);
      state.place = placed();
    }
    show();
  }

  function table(lang) {
    const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const own = state.pin ? columns() : columns().slice(0, -1);
    const heads = points.texts[lang].heads.slice(0, own.length + 1);
    const rows = points.texts[lang].csv.map((name, i) =>
      [quoted(name), ...own.map((values) => (values ? values[i].toFixed(points.digits) : ""))]);
    return [heads.map(quoted), ...rows].map((row) => row.join(",") + "\r\n").join("");
  }

  const named = (at) => [at.world, at.budget, at.share].join(".");

  function readAt(text) {
    const [world, budget, share] = String(text).split(".").map(Number);
    const known = points.worlds[world];
    if (!known || !(budget in known.budgets) || !(share in known.shares)) return null;
    return { world, budget, share };
  }

  go(0);
  return {
    turn,
    show,
    table,
    // Where a reader stands, in the address.
    write(parts) {
      const [world, budget, share] = points.places[0];
      if (named(state) !== named({ world, budget, share }) || state.place) {
        parts.set("at", named(state));
        if (state.place) parts.set("if", String(state.place));
      }
      if (state.pin) parts.set("pin", named(state.pin));
    },
    read(parts) {
      const place = Number(parts.get("if") || 0);
      go(place in points.places ? place : 0);
      const at = readAt(parts.get("at"));
      if (at) {
        Object.assign(state, at);
        if (points.places[state.place][0] !== at.world) state.place = placed();
      }
      state.pin = readAt(parts.get("pin"));
    },
    reset() { go(0); show(); },
    pin(lang) {
      state.pin = state.pin ? null : { world: state.world, budget: state.budget, share: state.share };
      show();
      say(points.texts[lang][state.pin ? "heads" : "pin"].at(-1) || "");
    },
  };
}
