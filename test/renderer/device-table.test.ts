import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnLayout, type ColumnRoom } from '../../src/renderer/features/devices/column-layout';
import { HOSTILE_NAMES } from '../hostile/names';
import { tableText } from '../../src/renderer/features/devices/device-text';
import { rowMove } from '../../src/renderer/features/devices/row-move';
import { shortened } from '../../src/renderer/format/id';
import { bytes, counted, percent, span } from '../../src/renderer/format/number';
import { inWords, platformName } from '../../src/renderer/format/words';
import { DeviceCrowd } from './device-crowd';

const columns: readonly ColumnRoom[] = [
  { id: 'verdict', least: 90, grow: 0, most: 90, rank: 0 },
  { id: 'name', least: 150, grow: 3, most: 360, rank: 0 },
  { id: 'udid', least: 130, grow: 1, most: 290, rank: 1 },
  { id: 'reasons', least: 160, grow: 3, most: Infinity, rank: 2 },
];

describe('column widths', () => {
  it('fill the room exactly or nearly, and never more than it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 240, max: 3000 }), (room) => {
        const { visible, widths } = columnLayout(columns, room);
        const used = widths.reduce((sum, width) => sum + width, 0);
        expect(widths).toHaveLength(visible.size);
        expect(used).toBeLessThanOrEqual(room);
        if (visible.has('reasons')) expect(room - used).toBeLessThan(4);
      }),
    );
  });

  it('leave out the last ranks where there is too little room', () => {
    expect([...columnLayout(columns, 300).visible]).toEqual(['verdict', 'name']);
    expect([...columnLayout(columns, 400).visible]).toEqual(['verdict', 'name', 'udid']);
    expect([...columnLayout(columns, 100).visible]).toEqual(['verdict', 'name']);
  });
});

describe('keys in a list', () => {
  it('lead where they should and never out of it', () => {
    expect(rowMove('ArrowDown', null, 10, 5)).toBe(0);
    expect(rowMove('ArrowDown', 9, 10, 5)).toBe(9);
    expect(rowMove('ArrowUp', 0, 10, 5)).toBe(0);
    expect(rowMove('PageDown', 3, 10, 5)).toBe(8);
    expect(rowMove('PageUp', 3, 10, 5)).toBe(0);
    expect(rowMove('End', 3, 10, 5)).toBe(9);
    expect(rowMove('Home', 3, 10, 5)).toBe(0);
    expect(rowMove('x', 3, 10, 5)).toBeNull();
    expect(rowMove('ArrowDown', null, 0, 5)).toBeNull();
  });
});

describe('text', () => {
  it('copied as a table holds no formula and keeps its cells', () => {
    const [row] = new DeviceCrowd(1, false).rows;
    const text = tableText([{ ...row!, name: '=HYPERLINK("x")\tand\nmore' }]);
    const [heading, line, ...rest] = text.split('\n');
    expect(rest).toEqual([]);
    expect(line!.split('\t')).toHaveLength(heading!.split('\t').length);
    expect(line).toContain(`\t'=HYPERLINK("x") and more\t`);
  });

  it('copied as a table is one line a device, whatever it is called', () => {
    const [row] = new DeviceCrowd(1, false).rows;
    const lines = tableText(HOSTILE_NAMES.map((name) => ({ ...row!, name, serial: name }))).split('\n');
    expect(lines).toHaveLength(HOSTILE_NAMES.length + 1);
    const cells = lines.map((line) => line.split('\t'));
    expect(new Set(cells.map(({ length }) => length)).size).toBe(1);
    expect(cells.flat().filter((cell) => /^\s*[=+\-@|\uff1d]/.test(cell))).toEqual([]);
  });

  it('is as people read it', () => {
    expect(counted(1, 'device')).toBe('1 device');
    expect(counted(12_345, 'device')).toBe('12,345 devices');
    expect(percent(99_999, 100_000)).toBe('99 %');
    expect(percent(1, 100_000)).toBe('1 %');
    expect(span(130 * 60)).toBe('2 h 10 min');
    expect(bytes(412_876_800)).toBe('394 MiB');
    expect(shortened('0123456789abcdef0123')).toBe('012345…ef0123');
    expect(inWords('no-udid')).toBe('No UDID');
    expect(platformName('ipados')).toBe('iPadOS');
    expect(platformName(null)).toBe('Unknown');
  });
});
