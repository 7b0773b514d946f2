(() => {
  "use strict";
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const themes = ["auto", "light", "dark"];
  // Nothing is sent anywhere: no cloud, no logo, no bar of buttons.
  const config = {
    displayModeBar: false, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
    showLink: false, showEditInChartStudio: false, responsive: true, scrollZoom: false,
    doubleClick: false,
  };
  const PRINT = { half: 332, small: 214, wide: 684 };
  let printing = false;
  let narrow = null;

  const page = (lang) => document.getElementById("page-" + lang);
  const language = () => document.querySelector(".page:not([hidden])").dataset.lang;
  const isDark = () =>
    !printing && (root.dataset.theme === "dark" || (root.dataset.theme === "auto" && dark.matches));

  // Colours of the light theme, each replaced by its partner; other texts stay as they are.
  function coloured(value) {
    if (typeof value === "string") return data.dark[value] || value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    }
    return value;
  }

  const plots = (lang) => [...page(lang).querySelectorAll(".plot")];

  function drawOne(div) {
    const lang = div.closest(".page").dataset.lang;
    const figure = data.figures[lang][div.dataset.chart];
    const shown = isDark() ? coloured(figure) : figure;
    // Plotly writes into what it is given, so it is given a copy.
    const layout = JSON.parse(JSON.stringify(shown.layout));
    const kind = div.closest("figure").classList;
    if (printing) {
      const shrink = kind.contains("small") ? 0.72 : div.dataset.chart === "tornado" ? 0.9 : 0.7;
      layout.height = Math.round(layout.height * shrink);
      layout.width = kind.contains("small") ? PRINT.small : kind.contains("half") ? PRINT.half : PRINT.wide;
    }
    const traces = JSON.parse(JSON.stringify(shown.data));
    fit(layout, traces, printing ? layout.width : div.clientWidth);
    window.Plotly.react(div, traces, layout, config);
    div.style.minHeight = "";
  }

  function draw() {
    if (window.Plotly) plots(language()).forEach(drawOne);
  }

  function redraw(lang, chart) {
    const div = page(lang).querySelector(`[data-chart="${chart}"]`);
    if (window.Plotly && !page(lang).hidden) drawOne(div);
  }

  // The first time, what is on screen comes first, and the page stays awake between figures.
  async function drawInTurn() {
    const isNear = (div) => {
      const box = div.getBoundingClientRect();
      return box.bottom > -200 && box.top < innerHeight + 200;
    };
    const all = plots(language());
    const near = all.filter(isNear);
    for (const div of [...near, ...all.filter((one) => !near.includes(one))]) {
      if (div === all.find((one) => !near.includes(one))) root.dataset.seen = "";
      if (div.isConnected && !div.closest(".page").hidden) drawOne(div);
      await new Promise((resume) => setTimeout(resume));
    }
    root.dataset.seen = "";
  }

  // A legend below a figure takes the rows that it needs at this width, and the figure grows by them.
  function seat(layout, width) {
    const rows = Math.ceil(layout.meta.entries / Math.max(Math.floor((width - 60) / 185), 1));
    const height = layout.height - layout.margin.t - layout.margin.b;
    layout.legend.y = -(layout.margin.b + 2) / height;
    layout.margin.b += 12 + 20 * rows;
    layout.height += 12 + 20 * rows;
  }

  // On narrow screens labels are shorter and smaller, and legends have one column.
  function fit(layout, traces, width) {
    if (layout.meta && layout.meta.entries) seat(layout, width);
    if (width >= 420) return;
    const across = layout.xaxis;
    if (width < 240 && across.tickvals.length > 5) {
      across.tickvals = across.tickvals.filter((_, i) => i % 2 === 0);
      across.ticktext = across.ticktext.filter((_, i) => i % 2 === 0);
    }
    if (layout.meta && layout.meta.short) {
      layout.annotations.forEach((note, i) => { note.text = layout.meta.short[i]; });
      layout.margin.r = layout.meta.right;
    }
    for (const trace of traces) if (trace.meta) trace.text = trace.meta.short;
    const axis = layout.yaxis;
    if (axis && axis.tickmode === "array" && axis.automargin) axis.tickfont = { ...axis.tickfont, size: 11 };
    if (layout.legend && layout.legend.entrywidth) layout.legend.entrywidth = Math.max(width - 110, 120);
  }

  async function unpacked(id) {
    const packed = document.getElementById(id);
    const text = atob(packed.textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    packed.remove();
    return new Response(stream).text();
  }

  async function unpack() {
    if (window.Plotly) return;  // where the page is served, both are there
    data.figures = JSON.parse(await unpacked("figures"));
    if (explorer) explorer.show(false);
    const script = document.createElement("script");
    script.textContent = await unpacked("plotly");
    document.head.append(script);
  }

  function say(text) {
    document.getElementById("said").textContent = text;
  }

  function remember() {
    const state = new URLSearchParams({ lang: language() });
    if (root.dataset.theme !== "auto") state.set("theme", root.dataset.theme);
    if (explorer) explorer.write(state);
    history.replaceState(null, "", "#" + state);
  }

  function speak(lang) {
    for (const other of Object.keys(data.tags)) page(other).hidden = other !== lang;
    root.lang = data.tags[lang];
    document.title = data.words.title[lang];
    draw();
  }

  function paint(theme) {
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-do=theme]")) {
      button.textContent = data.words["theme_" + theme][button.closest(".page").dataset.lang];
    }
    draw();
  }

  function download(text) {
    // The byte order mark tells Excel that this is UTF-8.
    const blob = new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = data.file + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function link(button) {
    remember();
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      prompt(button.textContent, location.href);
      return;
    }
    const before = button.textContent;
    button.textContent = data.words.copied[language()];
    say(button.textContent);
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return;
    }
    button.textContent = data.words.copied[language()];
    say(button.textContent);
    setTimeout(() => { button.textContent = data.words.copy[language()]; }, 2000);
  }

  const actions = {
    language: () => {
      speak(language() === "en" ? "zh" : "en");
      remember();
      page(language()).querySelector("[data-do=language]").focus();
    },
    theme: () => {
      paint(themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length]);
      remember();
      say(data.words["theme_" + root.dataset.theme][language()]);
    },
    print: () => window.print(),
    csv: () => download(data.csv[language()]),
    copy,
    link,
    reset: () => explorer.reset(),
    pin: () => explorer.pin(language()),
    explored: () => download(explorer.table(language())),
  };
  const explorer = data.explore && exploring({ data, page, language, redraw, say, remember });

  function fold() {
    for (const details of document.querySelectorAll("figure details, .folded")) details.open = false;
  }

  root.classList.remove("no-js");
  fold();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do](button);
  });
  document.addEventListener("input", (event) => {
    if (event.target.dataset.explore) explorer.turn(event.target);
  });
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => { printing = true; root.dataset.printing = ""; draw(); });
  addEventListener("afterprint", () => { printing = false; delete root.dataset.printing; draw(); });
  addEventListener("resize", () => {
    const now = innerWidth < 620;
    if (narrow !== now) { narrow = now; draw(); }
  });

  // A page that is served (optimizer/studio) has put other content in its place.
  addEventListener("adsplit:content", (event) => {
    for (const part of ["figures", "csv"]) Object.assign(data[part], event.detail[part]);
    Object.assign(data.words.title, event.detail.words.title);
    document.title = data.words.title[language()];
    for (const button of document.querySelectorAll("[data-do=theme]")) {
      button.textContent = data.words["theme_" + root.dataset.theme][button.closest(".page").dataset.lang];
    }
    fold();
    drawInTurn();
  });

  const asked = new URLSearchParams(location.hash.slice(1));
  if (themes.includes(asked.get("theme"))) paint(asked.get("theme"));
  if (asked.get("lang") in data.tags) speak(asked.get("lang"));
  narrow = innerWidth < 620;
  if (explorer) {
    explorer.read(asked);
    explorer.show(false);
  }
  unpack().then(drawInTurn).then(() => { root.dataset.ready = ""; }, () => {
    root.classList.add("no-js");
    for (const notice of document.querySelectorAll(".broken-charts")) notice.hidden = false;
    for (const details of document.querySelectorAll("figure details, .folded")) details.open = true;
    root.dataset.ready = "";
  });
})();
