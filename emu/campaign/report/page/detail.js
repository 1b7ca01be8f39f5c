// SPDX-License-Identifier: GPL-2.0-or-later
// The experiments of one cell: counts by class, then those that are not correct, each with what does it again.

const LISTED = 200;

/** Copy a text, and say on the button whether that worked. */
async function copyText(button, text) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    // A page from disk may not have the clipboard; a selection does.
    const range = document.createRange();
    range.selectNodeContents(button.parentElement.nextElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "copied" : "press Ctrl+C";
  setTimeout(() => (button.textContent = "copy"), 1500);
}

function classMark(about, verdict) {
  const { label, letter } = about.classes[verdict];
  const mark = make("span", { className: "mark", textContent: letter, ariaHidden: "true" });
  mark.style.background = `var(--${label})`;
  mark.style.color = `var(--on-${label})`;
  return mark;
}

class Detail {
  constructor(campaign) {
    this.campaign = campaign;
  }

  show(cell) {
    const { campaign } = this;
    const { about } = campaign;
    const counts = campaign.counts(cell);
    const sum = counts.reduce((total, count) => total + count, 0);
    const { pair, length, byte } = campaign.place(cell);
    const { source, target } = campaign.offsets(pair);
    const column = campaign.bytes[byte];
    const columnName = columnText(about, column);
    const atLength = `Length ${spanText(campaign.lengths[length])}, ${columnName}`;
    byId("cell-title").textContent = about.wholeCall ? columnName[0].toUpperCase() + columnName.slice(1) : atLength;
    const atOffsets =
      `source +${spanText(source)} · target +${spanText(target)} · ${plural(sum, "experiment")}` +
      (column !== null && column[0] >= campaign.lengths[length][1] ? " · behind the last byte" : "");
    byId("cell-where").textContent = about.wholeCall ? plural(sum, "experiment") : atOffsets;
    byId("cell-counts").replaceChildren(...this.countRows(cell));
    const shown = new Set(campaign.layers);
    const texts = (campaign.texts.get(cell) ?? []).filter(
      (each) => shown.has(each.layer) && (campaign.only === null || each.verdict === campaign.only),
    );
    byId("cell-list").replaceChildren(...texts.slice(0, LISTED).map((each) => this.entry(each)));
    const bad = counts.reduce((total, count, verdict) => {
      const wanted = verdict !== 0 && (campaign.only === null || campaign.only === verdict);
      return total + (wanted ? count : 0);
    }, 0);
    const left = bad - Math.min(texts.length, LISTED);
    byId("cell-more").textContent = left > 0 ? `${grouped(left)} more without their text here: ${about.elsewhere}` : "";
    byId("cell").scrollTop = 0;
  }

  /** For each profile and fault that ran here, how many experiments ended how. */
  countRows(cell) {
    const { campaign } = this;
    const { about } = campaign;
    const rows = [];
    for (const layer of campaign.layers) {
      const [profile, fault] = about.layers[layer];
      about.classes.forEach(({ label }, verdict) => {
        const count = campaign.count(layer, verdict, cell);
        if (!count) return;
        const row = make("tr", {}, make("td", {}, classMark(about, verdict), ` ${label}`));
        row.append(
          make("td", { textContent: grouped(count), className: "number" }),
          make("td", { textContent: about.profiles[profile] }),
          make("td", { textContent: about.faults[fault] }),
        );
        rows.push({ row, bad: verdict !== 0 });
      });
    }
    rows.sort((one, other) => other.bad - one.bad);
    return rows.map(({ row }) => row);
  }

  entry({ number, layer, verdict, identity, minimal, explanation }) {
    const { about } = this.campaign;
    const [profile, fault] = about.layers[layer];
    const head = make("p", { className: "what" }, classMark(about, verdict), make("b", { textContent: about.classes[verdict].label }));
    head.append(make("span", { className: "faint", textContent: `${about.profiles[profile]} · ${about.faults[fault]} · #${grouped(number)}` }));
    const item = make("li", {}, head);
    if (explanation) item.append(make("p", { textContent: explanation, className: "explanation" }));
    if (identity) item.append(...this.command("again", identity));
    if (minimal) item.append(...this.command("the smallest that fails alike", minimal));
    return item;
  }

  /** What runs an experiment again, to be copied. */
  command(what, identity) {
    const command = `emu replay ${identity}`;
    const copy = make("button", { type: "button", textContent: "copy", className: "copy" });
    copy.setAttribute("aria-label", `Copy ${command}`);
    copy.addEventListener("click", () => copyText(copy, command));
    return [make("p", { className: "replay" }, what, copy), make("code", { textContent: command })];
  }
}
