// SPDX-License-Identifier: GPL-2.0-or-later
// What the page says of its axes and cells.

const spanText = ([first, last]) => (first === last ? `${first}` : `${first}–${last}`);

/** The column of a cell: a byte, some bytes, or none. */
function columnText(about, column) {
  return column === null ? "no place" : `${about.columnName} ${spanText(column)}`;
}

function cellText(campaign, cell) {
  const { pair, length, byte } = campaign.place(cell);
  if (campaign.about.wholeCall) return columnText(campaign.about, campaign.bytes[byte]);
  const { source, target } = campaign.offsets(pair);
  const lengths = campaign.lengths[length];
  return (
    `length ${spanText(lengths)}, ${columnText(campaign.about, campaign.bytes[byte])}, ` +
    `source +${spanText(source)}, target +${spanText(target)}`
  );
}

function countsText(campaign, counts) {
  const parts = counts
    .map((count, verdict) => ({ count, label: campaign.about.classes[verdict].label }))
    .filter((each) => each.count)
    .map((each) => `${grouped(each.count)} ${each.label}`);
  return parts.join(", ") || "no experiment";
}
