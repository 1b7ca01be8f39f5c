// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers, accesses and events in words.

const grouped = (number) => number.toLocaleString("en-US");

const byId = (id) => document.getElementById(id);

/** Make an element; children are nodes or strings. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** An address in hexadecimal, its halves parted as debuggers do. */
function hexAddress(address) {
  const digits = address.toString(16);
  return address >> 32n ? `0x${digits.slice(0, -8)}\`${digits.slice(-8)}` : `0x${digits}`;
}

const hexValue = (value, size) => value.toString(16).padStart(2 * size, "0");

const hexByte = (value) => value.toString(16).padStart(2, "0");

/** The kinds of events as the timeline shows them: one lane, one shape, one colour each. */
const LANES = [
  { name: "faults", one: "fault", shape: "▲", kinds: ["TrapTaken", "BugcheckRaised", "DispatchFailed"] },
  { name: "injected faults", one: "injected fault", shape: "✦", kinds: ["FaultStruck"] },
  { name: "page-ins", one: "page-in", shape: "▼", kinds: ["PagedIn", "StackGrown"] },
  { name: "exceptions", one: "exception", shape: "◆", kinds: ["ExceptionRaised"] },
  { name: "filters", one: "filter", shape: "●", kinds: ["FrameSearched", "FilterAnswered"] },
  { name: "unwinds", one: "unwind", shape: "◀", kinds: ["FrameUnwound", "FinallyRun", "FramesConsolidated"] },
  { name: "landings", one: "landing", shape: "■", kinds: ["Landed", "ExecutionContinued"] },
  { name: "host calls", one: "host call", shape: "│", kinds: ["ExportCalled", "DebugPrinted", "PoolAllocated", "PoolFreed"] },
];
LANES.forEach((lane) => (lane.key = lane.one.replace(" ", "-")));

const LANE_OF = new Map(LANES.flatMap((lane) => lane.kinds.map((kind) => [kind, lane])));

const laneOf = (event) => LANE_OF.get(event.name) ?? LANES.at(-1);

const isFault = (event) => laneOf(event) === LANES[0];

/** The instruction that an event follows: the one that trapped, called or answered. */
const causeOf = (event) => Math.max(0, event.instruction - 1);

/** An access as data. */
function accessAsData(trace, memory, access) {
  const kind = trace.kind[access];
  return {
    access,
    kind: kind & WRITE ? "write" : "read",
    performed: !(kind & NOT_PERFORMED),
    user: Boolean(kind & USER_PAGE),
    address: trace.addressOf(access),
    name: memory.nameOf(trace.window[access], trace.offset[access]),
    size: trace.size[access],
    value: hexValue(trace.valueOf(access), trace.size[access]),
  };
}

/** An access in a line: read or write, where, and what. */
function accessElement(data) {
  const element = make("span", { className: `access ${data.kind}` });
  element.append(
    make("span", { className: "way" }, data.kind === "write" ? "write" : "read"),
    make("span", { className: "name" }, data.name),
    make("span", { className: "value" }, data.value),
  );
  const also = [];
  if (data.user) {
    element.classList.add("of-user");
    element.append(make("span", { className: "user", title: "a user page" }, "user"));
  }
  if (!data.performed) {
    element.classList.add("lost");
    element.append(make("span", { className: "tag" }, "not performed"));
    also.push("not performed: its instruction trapped");
  }
  element.title = [`${data.kind} of ${data.size} at ${hexAddress(data.address)}: 0x${data.value}`, ...also].join("; ");
  return element;
}

function explanationElement(event, tag = "p") {
  const lane = laneOf(event);
  return make(
    tag,
    { className: `explanation ${lane.key}`, title: event.text },
    make("span", { className: "shape", ariaHidden: "true" }, lane.shape),
    make("b", {}, lane.one),
    make("span", { className: "text" }, event.text),
  );
}
