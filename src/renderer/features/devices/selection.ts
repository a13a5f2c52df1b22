/**
 * Which rows of a list are selected: places in the list as it stands, not ids, so that 100,000 selected rows cost no more
 * than one. It holds for one filter and order; another list begins with nothing selected.
 */

/** From and to (not included); apart from each other, in order. */
export type Range = readonly [from: number, to: number];
export type Selection = readonly Range[];

export const NOTHING: Selection = [];

export function selectedCount(selection: Selection): number {
  return selection.reduce((sum, [from, to]) => sum + to - from, 0);
}

export function isSelected(selection: Selection, place: number): boolean {
  let low = 0;
  let high = selection.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = selection[middle] ?? [0, 0];
    if (place < from) high = middle - 1;
    else if (place >= to) low = middle + 1;
    else return true;
  }
  return false;
}

export function withRange(selection: Selection, [from, to]: Range): Selection {
  if (to <= from) return selection;
  const result: Range[] = [];
  let start = from;
  let end = to;
  for (const range of selection) {
    // Ranges that touch become one.
    if (range[1] < start || range[0] > end) result.push(range);
    else {
      start = Math.min(start, range[0]);
      end = Math.max(end, range[1]);
    }
  }
  return [...result, [start, end] as const].sort((one, other) => one[0] - other[0]);
}

export function withoutRange(selection: Selection, [from, to]: Range): Selection {
  return selection.flatMap(([start, end]): Range[] => {
    if (end <= from || start >= to) return [[start, end]];
    const rest: Range[] = [];
    if (start < from) rest.push([start, from]);
    if (end > to) rest.push([to, end]);
    return rest;
  });
}

export function toggled(selection: Selection, place: number): Selection {
  const range: Range = [place, place + 1];
  return isSelected(selection, place) ? withoutRange(selection, range) : withRange(selection, range);
}

/** From the anchor to a place, both included: what Shift selects. */
export function between(anchor: number, place: number): Range {
  return anchor <= place ? [anchor, place + 1] : [place, anchor + 1];
}

export function everything(count: number): Selection {
  return count === 0 ? NOTHING : [[0, count]];
}
