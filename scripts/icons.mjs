/**
 * Makes every form of Slipway's icon from resources/icon.svg: `node scripts/icons.mjs`. What it makes is kept in the
 * checkout, since a machine that makes packages need not have a browser: resources/icons/SIZE.png, drawn by Chromium,
 * resources/icon.icns for macOS and resources/icon.ico for Windows, which hold those pictures.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { ensureChromium, findChromium, root } from './setup.mjs';

const RESOURCES = join(root, 'resources');

/** Pixels a side of each picture. */
export const SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];

/**
 * Types of an ICNS that hold a PNG, by pixels: 16, 32, 128, 256 and 512 points at twice the pixels, and 128, 256 and 512
 * at their own. Those of 16 and 32 pixels at their own hold no PNG that every macOS reads; it makes them from the others.
 */
const ICNS = [
  ['ic11', 32],
  ['ic12', 64],
  ['ic07', 128],
  ['ic13', 256],
  ['ic08', 256],
  ['ic14', 512],
  ['ic09', 512],
  ['ic10', 1024],
];

/** Sizes in an ICO; a PNG only in the largest, because older readers know none in the small ones. */
const ICO = [16, 24, 32, 48, 64, 256];
const ICO_PNG = 256;

/** An ICNS file: its length and the pictures, each with its type and length, all big-endian. `png` gives a size's bytes. */
export function icns(png) {
  const chunk = (type, content) => {
    const head = Buffer.alloc(8);
    head.write(type, 0, 'latin1');
    head.writeUInt32BE(8 + content.length, 4);
    return Buffer.concat([head, content]);
  };
  return chunk('icns', Buffer.concat(ICNS.map(([type, size]) => chunk(type, png(size)))));
}

/** An ICO file: a directory of what it holds, then the pictures, all little-endian. */
export function ico(png) {
  const pictures = ICO.map((size) => ({ size, content: size === ICO_PNG ? png(size) : bitmap(png(size)) }));
  const directory = Buffer.alloc(6 + 16 * pictures.length);
  directory.writeUInt16LE(1, 2);
  directory.writeUInt16LE(pictures.length, 4);
  let offset = directory.length;
  for (const [index, { size, content }] of pictures.entries()) {
    const at = 6 + 16 * index;
    // A byte has no room for 256; that is what 0 means.
    directory[at] = size % 256;
    directory[at + 1] = size % 256;
    directory.writeUInt16LE(1, at + 4);
    directory.writeUInt16LE(32, at + 6);
    directory.writeUInt32LE(content.length, at + 8);
    directory.writeUInt32LE(offset, at + 12);
    offset += content.length;
  }
  return Buffer.concat([directory, ...pictures.map(({ content }) => content)]);
}

/** A picture as an ICO has it without PNG: BITMAPINFOHEADER, rows of BGRA from below, and a mask that hides nothing. */
function bitmap(png) {
  const { side, pixels } = decoded(png);
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40, 0);
  header.writeInt32LE(side, 4);
  // Picture and mask lie one above the other.
  header.writeInt32LE(side * 2, 8);
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(32, 14);
  const rows = Buffer.alloc(side * side * 4);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [red, green, blue, alpha] = pixels.subarray((y * side + x) * 4);
      rows.set([blue, green, red, alpha], ((side - 1 - y) * side + x) * 4);
    }
  }
  return Buffer.concat([header, rows, Buffer.alloc(Math.ceil(side / 32) * 4 * side)]);
}

/** Pixels (RGBA, from above) of a PNG as Chromium writes it: square, 8 bits, with alpha, not interlaced. */
function decoded(png) {
  const side = png.readUInt32BE(16);
  const form = png.subarray(24, 29).toString('hex');
  if (form !== '0806000000') throw new Error(`A picture of ${side} pixels has another form of PNG: ${form}`);
  const data = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const content = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(content);
  }
  const lines = inflateSync(Buffer.concat(data));
  const stride = side * 4;
  const pixels = Buffer.alloc(side * stride);
  for (let y = 0; y < side; y++) {
    const filter = lines[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < 4 ? 0 : pixels[at - 4];
      const above = y === 0 ? 0 : pixels[at - stride];
      const corner = x < 4 || y === 0 ? 0 : pixels[at - stride - 4];
      const predicted = [0, left, above, (left + above) >> 1, nearest(left, above, corner)][filter];
      pixels[at] = lines[y * (stride + 1) + 1 + x] + predicted;
    }
  }
  return { side, pixels };
}

/** PNG's Paeth predictor. */
function nearest(left, above, corner) {
  const guess = left + above - corner;
  const distances = [left, above, corner].map((value) => Math.abs(guess - value));
  return [left, above, corner][distances.indexOf(Math.min(...distances))];
}

/** The SVG drawn at each size, on nothing. */
async function draw() {
  const missing = ensureChromium();
  if (missing !== null) throw new Error(`The icon is drawn by Chromium: ${missing}`);
  const { chromium } = await import('playwright-core');
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath: findChromium(), args: sandbox });
  try {
    const source = readFileSync(join(RESOURCES, 'icon.svg')).toString('base64');
    const pictures = new Map();
    const page = await browser.newPage();
    for (const size of SIZES) {
      await page.setViewportSize({ width: size, height: size });
      await page.setContent(
        `<style>body{margin:0}img{display:block}</style><img width="${size}" src="data:image/svg+xml;base64,${source}">`,
      );
      pictures.set(size, await page.screenshot({ omitBackground: true }));
    }
    return pictures;
  } finally {
    await browser.close();
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const pictures = await draw();
  mkdirSync(join(RESOURCES, 'icons'), { recursive: true });
  for (const [size, picture] of pictures) writeFileSync(join(RESOURCES, 'icons', `${size}.png`), picture);
  const png = (size) => pictures.get(size);
  writeFileSync(join(RESOURCES, 'icon.icns'), icns(png));
  writeFileSync(join(RESOURCES, 'icon.ico'), ico(png));
  console.log(`Made in ${RESOURCES}: icons/{${SIZES.join(',')}}.png, icon.icns, icon.ico`);
}
