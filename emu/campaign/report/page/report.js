// SPDX-License-Identifier: GPL-2.0-or-later
// The page as a whole: which pair, which cell, what is shown of it, and what keys and clicks do.

const ALL = "";
const LEAP = 8;
const THEMES = ["auto", "light", "dark"];

class Report {
  constructor(campaign) {
    this.campaign = campaign;
    this.pair = 0;
    this.length = 0;
    this.byte = 0;
    this.heat = new HeatMap(campaign, byId("heat"), byId("map-box"));
    this.overview = new Overview(campaign, byId("overview"));
    this.detail = new Detail(campaign);
    this.labelPage();
    this.makeClasses();
    this.makeSelectors();
    this.connectMaps();
    this.connectBar();
    document.addEventListener("keydown", (event) => this.key(event));
    campaign.select(null, null, null);
    this.start();
    new ResizeObserver(() => this.layout()).observe(byId("map-box"));
    new ResizeObserver(() => this.layout()).observe(byId("pairs"));
  }

  get cell() {
    return this.campaign.cell(this.pair, this.length, this.byte);
  }

  labelPage() {
    const { about, bytes, lengths } = this.campaign;
    byId("title").textContent = about.title;
    byId("summary").textContent = about.summary;
    document.title = `${about.title}: ${about.summary}`;
    byId("map-title").textContent = about.wholeCall ? `By ${about.columnName}` : `Length × ${about.columnName}`;
    byId("sweep").textContent = about.sweep;
    byId("pairs-title").textContent = about.wholeCall ? "The whole call" : "All pairs of offsets";
    byId("pairs-note").textContent = about.wholeCall ? "" : "source offset ↓ × target offset →";
    const rows = about.facts.map(([name, text]) => [make("dt", { textContent: name }), make("dd", { textContent: text })]);
    byId("facts-list").append(...rows.flat());
    byId("heat").dataset.cells = `${lengths.length}x${bytes.length}`;
  }

  /** The legend, which shows the counts and picks one class. */
  makeClasses() {
    const { about } = this.campaign;
    this.buttons = about.classes.map(({ label, count, meaning }, verdict) => {
      const button = make("button", { type: "button", title: `${meaning} (${verdict + 1})` });
      button.append(classMark(about, verdict), make("span", { textContent: label }), make("b", { textContent: grouped(count) }));
      button.classList.toggle("none", !count);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => this.showOnly(verdict));
      return button;
    });
    const nothing = make("span", { className: "not-run" }, make("i", { className: "mark" }), "not run");
    byId("classes").append(...this.buttons, nothing);
  }

  makeSelectors() {
    for (const [id, names] of [["profile", this.campaign.about.profiles], ["fault", this.campaign.about.faults]]) {
      const all = make("option", { value: ALL, textContent: names.length > 1 ? `all ${names.length}` : names[0] });
      const each = names.length > 1 ? names.map((textContent, value) => make("option", { value, textContent })) : [];
      byId(id).append(all, ...each);
      byId(id).addEventListener("change", () => this.select());
    }
  }

  connectMaps() {
    const connect = (canvas, at, tell, choose) => {
      canvas.addEventListener("mousemove", (event) => {
        const found = at(event.offsetX, event.offsetY);
        canvas.style.cursor = found === null ? "default" : "pointer";
        if (found === null) this.hideTip();
        else this.showTip(tell(found), event.clientX, event.clientY);
      });
      canvas.addEventListener("mouseleave", () => this.hideTip());
      canvas.addEventListener("click", (event) => {
        const found = at(event.offsetX, event.offsetY);
        if (found !== null) choose(found);
      });
    };
    const { campaign, heat, overview } = this;
    const cellOf = ({ length, byte }) => campaign.cell(this.pair, length, byte);
    connect(heat.canvas, (x, y) => heat.at(x, y), (at) => this.tellCell(cellOf(at)), (at) => this.goTo(cellOf(at)));
    connect(overview.canvas, (x, y) => overview.at(x, y), (pair) => this.tellPair(pair), (pair) => this.goToPair(pair));
  }

  tellCell(cell) {
    return `${cellText(this.campaign, cell)}\n${countsText(this.campaign, this.campaign.counts(cell))}`;
  }

  tellPair(pair) {
    const { about } = this.campaign;
    const { source, target } = this.campaign.offsets(pair);
    const sums = this.campaign.about.classes.map(() => 0);
    const begin = pair * this.campaign.perPair;
    for (let cell = begin; cell < begin + this.campaign.perPair; cell++) {
      if (this.campaign.worst[cell] === NOTHING) continue;
      this.campaign.counts(cell).forEach((count, verdict) => (sums[verdict] += count));
    }
    const where = about.wholeCall ? "the whole call" : `source +${spanText(source)}, target +${spanText(target)}`;
    return `${where}\n${countsText(this.campaign, sums)}`;
  }

  connectBar() {
    byId("theme").addEventListener("click", () => this.nextTheme());
    byId("help-button").addEventListener("click", () => byId("help").showModal());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.applyTheme());
    this.theme = THEMES[0];
    this.applyTheme();
  }

  nextTheme() {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
    this.applyTheme();
  }

  applyTheme() {
    const dark = this.theme === "dark" || (this.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").textContent = { auto: "Auto", light: "Light", dark: "Dark" }[this.theme];
    this.colours = readColours(this.campaign.about);
    if (this.ready) this.redrawAll();
  }

  /** Where the address says, or else the first cell that is not correct. */
  start() {
    const given = new URLSearchParams(location.hash.slice(1));
    const { campaign } = this;
    const name = (id, names) => (names.includes(given.get(id)) && names.length > 1 ? `${names.indexOf(given.get(id))}` : ALL);
    byId("profile").value = name("profile", campaign.about.profiles);
    byId("fault").value = name("fault", campaign.about.faults);
    this.applySelectors(null);
    const cell = given.has("cell") ? Number(given.get("cell")) : NaN;
    const known = Number.isInteger(cell) && cell >= 0 && cell < campaign.cellCount;
    this.place(known ? cell : (campaign.nextBad(campaign.cellCount - 1, 1) ?? 0));
    this.ready = true;
    this.layout();
    this.detail.show(this.cell);
  }

  applySelectors(only) {
    const chosen = (id) => (byId(id).value === ALL ? null : Number(byId(id).value));
    this.campaign.select(chosen("profile"), chosen("fault"), only);
    this.buttons.forEach((button, verdict) => button.setAttribute("aria-pressed", `${verdict === only}`));
  }

  select(only = this.campaign.only) {
    this.applySelectors(only);
    this.redrawAll();
    this.moved();
  }

  showOnly(verdict) {
    if (verdict < this.buttons.length) this.select(this.campaign.only === verdict ? null : verdict);
  }

  place(cell) {
    Object.assign(this, this.campaign.place(cell));
  }

  goTo(cell) {
    this.place(cell);
    this.moved();
  }

  goToPair(pair) {
    this.pair = (pair + this.campaign.pairCount) % this.campaign.pairCount;
    this.moved();
  }

  /** Say and show that another cell is the chosen one. */
  moved() {
    this.hideTip();
    this.detail.show(this.cell);
    this.heat.reveal(this);
    byId("spoken").textContent = this.tellCell(this.cell);
    const { profile, fault, about } = this.campaign;
    const state = new URLSearchParams({ cell: `${this.cell}` });
    if (profile !== null) state.set("profile", about.profiles[profile]);
    if (fault !== null) state.set("fault", about.faults[fault]);
    history.replaceState(null, "", `#${state}`);
    this.invalidate();
  }

  layout() {
    this.heat.layout();
    const box = byId("pairs");
    this.overview.layout(box.clientWidth - 20, Math.max(200, box.clientHeight - 50));
    this.redrawAll();
  }

  redrawAll() {
    this.stale = true;
    this.invalidate();
  }

  invalidate() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.stale) this.overview.drawAll(this.colours);
      this.stale = false;
      this.overview.draw(this.pair, this.colours);
      this.heat.draw(this.pair, this, this.colours);
    });
  }

  showTip(text, x, y) {
    const tip = byId("tip");
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? y - height - 10 : y + 18}px`;
  }

  hideTip() {
    byId("tip").hidden = true;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const inField = event.target.matches("select");
    if (event.key === "Escape") byId("heat").focus();
    else if (inField) return;
    else if (event.key.startsWith("Arrow")) {
      if (event.target === byId("overview")) this.movePair(event.key, event.shiftKey ? LEAP : 1);
      else if (event.target === byId("heat") || event.target === document.body) this.moveCell(event.key, event.shiftKey ? LEAP : 1);
      else return;
    } else if (event.key === "Enter") {
      if (event.target === byId("overview")) byId("heat").focus();
      else if (event.target === byId("heat")) (byId("cell-list").querySelector("button") ?? byId("cell")).focus();
      else return;
    } else if (!this.command(event.key)) return;
    event.preventDefault();
  }

  command(key) {
    const { campaign } = this;
    if (key === "n" || key === "N") {
      const found = campaign.nextBad(this.cell, key === "n" ? 1 : -1);
      if (found === null) byId("spoken").textContent = "every cell shown is correct";
      else this.goTo(found);
    } else if (key === "[") this.goToPair(this.pair - 1);
    else if (key === "]") this.goToPair(this.pair + 1);
    else if (key === "p") this.nextOption("profile");
    else if (key === "f") this.nextOption("fault");
    else if (key === "c") byId("cell-list").querySelector("button")?.click();
    else if (key === "t") this.nextTheme();
    else if (key === "?") byId("help").showModal();
    else if (/^[1-8]$/.test(key)) this.showOnly(Number(key) - 1);
    else return false;
    return true;
  }

  nextOption(id) {
    const select = byId(id);
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    this.select();
  }

  moveCell(key, by) {
    const { bytes, lengths } = this.campaign;
    const clamp = (number, count) => Math.max(0, Math.min(count - 1, number));
    if (key === "ArrowLeft") this.byte = clamp(this.byte - by, bytes.length);
    if (key === "ArrowRight") this.byte = clamp(this.byte + by, bytes.length);
    if (key === "ArrowUp") this.length = clamp(this.length - by, lengths.length);
    if (key === "ArrowDown") this.length = clamp(this.length + by, lengths.length);
    this.moved();
  }

  movePair(key, by) {
    const { sources, targets } = this.campaign;
    const clamp = (number, count) => Math.max(0, Math.min(count - 1, number));
    let source = Math.floor(this.pair / targets.length);
    let target = this.pair % targets.length;
    if (key === "ArrowLeft") target = clamp(target - by, targets.length);
    if (key === "ArrowRight") target = clamp(target + by, targets.length);
    if (key === "ArrowUp") source = clamp(source - by, sources.length);
    if (key === "ArrowDown") source = clamp(source + by, sources.length);
    this.goToPair(source * targets.length + target);
  }

  /** What is chosen, for tests and scripts. */
  current() {
    const { campaign, pair, length, byte, cell } = this;
    const { source, target } = campaign.offsets(pair);
    const counts = campaign.counts(cell);
    const verdict = campaign.classOf(cell);
    return {
      cell,
      source: source[0],
      target: target[0],
      length: campaign.lengths[length][0],
      byte: campaign.bytes[byte]?.[0] ?? null,
      verdict: verdict === null ? null : campaign.about.classes[verdict].label,
      counts: Object.fromEntries(campaign.about.classes.map(({ label }, at) => [label, counts[at]])),
      size: this.heat.size,
    };
  }

  /** Where on the page the middle of a cell of this pair is. */
  point(length, byte) {
    const { lengths, bytes } = this.campaign;
    const place = {
      length: lengths.findIndex(([first, last]) => first <= length && length <= last),
      byte: bytes.findIndex((each) => (each === null ? byte === null : byte !== null && each[0] <= byte && byte <= each[1])),
    };
    this.heat.reveal(place);
    const { x, y } = this.heat.canvas.getBoundingClientRect();
    const middle = this.heat.middle(place);
    return { x: x + middle.x, y: y + middle.y };
  }
}

const campaignReport = {};
campaignReport.ready = loadCampaign((part) => (byId("opening-progress").value = part))
  .then((campaign) => {
    const report = new Report(campaign);
    byId("opening").remove();
    return Object.assign(campaignReport, { report });
  })
  .catch((error) => {
    byId("opening").replaceChildren(make("p", { textContent: `This report cannot be opened: ${error.message}` }));
    throw error;
  });
globalThis.campaignReport = campaignReport;
