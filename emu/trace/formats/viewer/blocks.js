// SPDX-License-Identifier: GPL-2.0-or-later
// Takes out the blocks of data that a writer left in the page (emu/trace/formats/page.py).

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

/** Take a block out of the page and return its content. */
async function takeBlock(element) {
  const packed = fromBase64(element.textContent);
  element.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

const asJson = (buffer) => JSON.parse(new TextDecoder().decode(buffer));
