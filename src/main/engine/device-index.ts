/**
 * Every device as the window lists it, ready to be searched, filtered and sorted while somebody types.
 *
 * Built once for a reading: lower-case texts to search in, one order for each column, small numbers for each filter.
 * A question then is one pass over arrays; scrolling through its answer is a slice of it.
 */
import type { DeviceFilter, DevicePage, DeviceQuery, DeviceRow } from '../../contract/devices';
import { ANY_ATTENTION, type DeviceWatch } from '../../contract/watch';
import type { Board } from '../../core/watch/board';

type Sort = DeviceFilter['sort'];

/** How heavy a verdict or an action is: what needs a look comes first. */
const VERDICT_ORDER: readonly DeviceRow['verdict'][] = ['blocked', 'caution', 'ready'];
const ACTION_ORDER: readonly NonNullable<DeviceRow['action']>[] = ['blocked', 'held', 'keep', 'refresh', 'insert'];

/** Filters by a device without a platform. */
const NO_PLATFORM = 'unknown';

interface Order {
  /** Places in `rows`, ascending, those without a value last. */
  readonly places: Int32Array;
  /** How many have a value. */
  readonly valued: number;
}

/** What is watched, laid over the rows: it changes with every look at Fleet, the rows do not. */
export interface WatchView {
  readonly board: Board;
  /** Another number after each look. */
  readonly version: number;
  readonly waveOf: (udid: string) => string | null;
}

interface Answer {
  /** The look it was made after. */
  readonly version: number;
  readonly filter: DeviceFilter;
  readonly words: readonly string[];
  /** Places in `rows`, in the order asked for. */
  readonly matching: Int32Array;
}

/** One byte for each device: whether it has something. */
type Marks = Uint8Array;

/** Answers kept besides the last one; each is 400 KB for 100,000 devices. */
const HELD = 3;

/** From so many candidates on one scan over all texts is quicker than looking into each of theirs. */
const FEW = 4_000;

export class DeviceIndex {
  readonly rows: readonly DeviceRow[];
  readonly #byId: ReadonlyMap<string, number>;
  /** What is searched of all devices, one after the other: a single text is searched ten times as fast as many. */
  readonly #text: string;
  /** Where each device's part of it begins; one more for the end. */
  readonly #begins: Int32Array;
  readonly #orders = new Map<Sort, Order>();
  readonly #facets: DevicePage['facets'];
  /** Which devices have a value: by filter and value, made when first asked for. */
  readonly #marks = new Map<string, Marks>();
  /** The last answer: scrolling asks for it again and again, and one more letter only narrows it. */
  #last: Answer | null = null;
  /** The answers before it: a question in between (the palette asks its own) must not lose a list that is held. */
  #before: readonly Answer[] = [];
  #view: WatchView | null = null;
  /** Each device's row of the board; -1 for none. */
  #boardRows = new Int32Array(0);
  #watchFacets: WatchFacets = NO_FACETS;

  constructor(rows: readonly DeviceRow[]) {
    this.rows = rows;
    this.#byId = new Map(rows.map((row, place) => [row.id, place]));
    const parts = rows.map((row) =>
      `${[row.name, row.serial, row.udid, row.model, row.platform, ...row.reasons].join('\n')}\n`.toLowerCase(),
    );
    this.#begins = new Int32Array(rows.length + 1);
    for (const [place, part] of parts.entries()) {
      this.#begins[place + 1] = (this.#begins[place] ?? 0) + part.length;
    }
    this.#text = parts.join('');
    this.#facets = facetsOf(rows);
  }

  row(id: string): DeviceRow | null {
    const place = this.#byId.get(id);
    return place === undefined ? null : this.#shown(place);
  }

  /** Makes the orders and filters that are asked for first, so that the first click is as quick as the second. */
  warm(): void {
    for (const sort of ['name', 'serial', 'udid', 'lastSeen', 'verdict'] as const) this.#order(sort);
    for (const verdict of VERDICT_ORDER) this.#marked('verdict', verdict);
    for (const platform of Object.keys(this.#facets.platforms)) this.#marked('platform', platform);
  }

  /** Lays what is watched over the rows; null takes it away. The board is the same one, judged again. */
  watch(view: WatchView | null): void {
    this.#view = view;
    for (const key of this.#marks.keys()) if (/^(state|attention) /.test(key)) this.#marks.delete(key);
    for (const sort of WATCHED_SORTS) this.#orders.delete(sort);
    if (view === null) {
      this.#watchFacets = NO_FACETS;
      this.#boardRows = new Int32Array(0);
      return;
    }
    const { board } = view;
    this.#boardRows = Int32Array.from(this.rows, ({ udid }) => (udid === null ? -1 : board.row(udid)));
    this.#watchFacets = this.#countWatched(board);
  }

  page(query: DeviceQuery): DevicePage {
    const { matching, version } = this.#answer(query, query.hold);
    const rows: DeviceRow[] = [];
    for (const place of matching.subarray(query.offset, query.offset + query.limit)) rows.push(this.#shown(place));
    return {
      total: this.rows.length,
      matching: matching.length,
      offset: query.offset,
      rows,
      facets: { ...this.#facets, ...this.#watchFacets },
      outdated: version !== this.#version() && isAboutWatch(query),
    };
  }

  #version(): number {
    return this.#view?.version ?? 0;
  }

  /** A row with what is watched. */
  #shown(place: number): DeviceRow {
    const row = this.rows[place] as DeviceRow;
    const watch = this.#watchOf(place);
    return watch === null ? row : { ...row, watch };
  }

  #watchOf(place: number): DeviceWatch | null {
    const at = this.#boardRows[place] ?? -1;
    const udid = this.rows[place]?.udid ?? null;
    if (this.#view === null || at < 0 || udid === null) return null;
    return watchedRow(this.#view, at, udid);
  }

  #countWatched(board: Board): WatchFacets {
    const states: Record<string, number> = {};
    const attention: Record<string, number> = {};
    for (const at of this.#boardRows) {
      if (at < 0) continue;
      const state = board.state(at);
      states[state] = (states[state] ?? 0) + 1;
      if (!board.needsAttention(at)) continue;
      attention[ANY_ATTENTION] = (attention[ANY_ATTENTION] ?? 0) + 1;
      for (const code of board.attention(at)) attention[code] = (attention[code] ?? 0) + 1;
    }
    return { states, attention };
  }

  /** All rows that match, in order. */
  *matching(filter: DeviceFilter): Generator<DeviceRow> {
    for (const place of this.#answer(filter, false).matching) yield this.#shown(place);
  }

  #answer(filter: DeviceFilter, hold: boolean): Answer {
    const words = wordsOf(filter.search);
    const held = hold ? this.#held(filter, words) : undefined;
    if (held !== undefined) return held;
    const last = this.#last;
    const same = last !== null && sameFilter(last.filter, filter);
    const version = this.#version();
    const fresh = last !== null && (last.version === version || !isAboutWatch(filter));
    if (same && words.join(' ') === last.words.join(' ') && fresh) return last;
    const matching =
      same && fresh && last.matching.length <= FEW && narrows(last.words, words)
        ? last.matching.filter((place) => this.#holds(place, words))
        : this.#select(filter, words);
    if (last !== null) this.#before = [last, ...this.#before].slice(0, HELD);
    this.#last = { version, filter, words, matching };
    return this.#last;
  }

  #held(filter: DeviceFilter, words: readonly string[]): Answer | undefined {
    return (
      [this.#last, ...this.#before].find(
        (answer) => answer !== null && sameFilter(answer.filter, filter) && answer.words.join(' ') === words.join(' '),
      ) ?? undefined
    );
  }

  /** One pass for each filter and word, one over the order. */
  #select(filter: DeviceFilter, words: readonly string[]): Int32Array {
    const order = this.#ordered(filter.sort, filter.descending);
    const conditions = [
      ...this.#having('verdict', filter.verdicts),
      ...this.#having('action', filter.actions),
      ...this.#having('platform', filter.platforms),
      ...this.#having('reason', filter.reasons),
      ...this.#having('source', filter.sources),
      ...this.#having('state', filter.states),
      ...this.#having('attention', filter.attention),
      ...words.map((word) => this.#withWord(word)),
    ];
    const [first, ...others] = conditions;
    if (first === undefined) return order;
    const met = first.slice();
    for (const condition of others) {
      for (let place = 0; place < met.length; place += 1) met[place] = (met[place] ?? 0) & (condition[place] ?? 0);
    }
    const found = new Int32Array(order.length);
    let count = 0;
    for (const place of order) if (met[place] === 1) found[count++] = place;
    return found.slice(0, count);
  }

  #withWord(word: string): Marks {
    const marks = new Uint8Array(this.rows.length);
    const begins = this.#begins;
    let place = 0;
    for (let at = this.#text.indexOf(word); at >= 0; at = this.#text.indexOf(word, begins[place])) {
      while ((begins[place + 1] ?? Infinity) <= at) place += 1;
      marks[place] = 1;
      // One place is enough: on to the next device.
      place += 1;
      if (place >= marks.length) break;
    }
    return marks;
  }

  #holds(place: number, words: readonly string[]): boolean {
    const text = this.#text.slice(this.#begins[place], this.#begins[place + 1]);
    return words.every((word) => text.includes(word));
  }

  /** The condition "has any of these values"; none when nothing is asked for. */
  #having(kind: FilterKind, values: readonly string[]): Marks[] {
    const [first, ...others] = values.map((value) => this.#marked(kind, value));
    if (first === undefined) return [];
    if (others.length === 0) return [first];
    const any = first.slice();
    for (const marks of others) {
      for (let place = 0; place < any.length; place += 1) any[place] = (any[place] ?? 0) | (marks[place] ?? 0);
    }
    return [any];
  }

  #marked(kind: FilterKind, value: string): Marks {
    const key = `${kind} ${value}`;
    const known = this.#marks.get(key);
    if (known !== undefined) return known;
    const made =
      kind === 'state' || kind === 'attention' ? this.#watchedMarks(kind, value) : this.#rowMarks(FILTERS[kind], value);
    // What the window asks for is a handful of values; a page that asks for others must not fill the memory.
    if (this.#marks.size >= 500) this.#marks.clear();
    this.#marks.set(key, made);
    return made;
  }

  #rowMarks(has: (row: DeviceRow, value: string) => boolean, value: string): Marks {
    return Uint8Array.from(this.rows, (row) => (has(row, value) ? 1 : 0));
  }

  #watchedMarks(kind: 'state' | 'attention', value: string): Marks {
    const board = this.#view?.board;
    if (board === undefined) return new Uint8Array(this.rows.length);
    return Uint8Array.from(this.#boardRows, (at) => {
      if (at < 0) return 0;
      if (kind === 'state') return board.state(at) === value ? 1 : 0;
      return (value === ANY_ATTENTION ? board.needsAttention(at) : board.has(at, value)) ? 1 : 0;
    });
  }

  /** All places in an order; what has no value stays at the end in both directions. */
  #ordered(sort: Sort, descending: boolean): Int32Array {
    const { places, valued } = this.#order(sort);
    if (!descending) return places;
    const reversed = places.slice();
    reversed.subarray(0, valued).reverse();
    return reversed;
  }

  #keyOf(row: DeviceRow, place: number, sort: Sort): Key {
    if (sort !== 'state' && sort !== 'contactFleet') return keyOf(row, sort);
    const at = this.#boardRows[place] ?? -1;
    const board = this.#view?.board;
    if (board === undefined || at < 0) return null;
    return sort === 'state' ? STATE_ORDER.indexOf(board.state(at)) : board.time(at, 'contactFleet');
  }

  #order(sort: Sort): Order {
    const known = this.#orders.get(sort);
    if (known !== undefined) return known;
    const made = orderOf(this.rows, (row, place) => this.#keyOf(row, place, sort));
    this.#orders.set(sort, made);
    return made;
  }
}

type RowFilter = 'verdict' | 'action' | 'platform' | 'reason' | 'source';
type FilterKind = RowFilter | 'state' | 'attention';

type WatchFacets = Pick<DevicePage['facets'], 'states' | 'attention'>;

const NO_FACETS: WatchFacets = { states: {}, attention: {} };
/** Orders that follow what is watched. */
const WATCHED_SORTS = ['state', 'contactFleet'] as const;

/** Whether another look at Fleet can change which devices match, or their order. */
function isAboutWatch({ states, attention, sort }: DeviceFilter): boolean {
  return states.length > 0 || attention.length > 0 || WATCHED_SORTS.some((one) => one === sort);
}

/** What is watched of one device, by its row of the board. */
export function watchedRow({ board, waveOf }: WatchView, at: number, udid: string): DeviceWatch {
  return {
    state: board.state(at),
    since: board.time(at, 'since'),
    proof: board.proof(at),
    agent: board.agent(at),
    contactFleet: board.time(at, 'contactFleet'),
    contactSource: board.time(at, 'contactSource'),
    certificateNotAfter: board.time(at, 'notAfter'),
    wave: waveOf(udid),
    attention: board.attention(at),
  };
}

/** What needs a look comes first: lost, then silent, then those that came. */
const STATE_ORDER: readonly DeviceWatch['state'][] = [
  'lost',
  'stale',
  'waiting',
  'unknown',
  'migrated',
  'not-imported',
];

const FILTERS: Readonly<Record<RowFilter, (row: DeviceRow, value: string) => boolean>> = {
  verdict: (row, value) => row.verdict === value,
  action: (row, value) => row.action === value,
  platform: (row, value) => (row.platform ?? NO_PLATFORM) === value,
  reason: (row, value) => row.reasons.includes(value),
  source: (row, value) => String(row.source) === value,
};

/** Lower-case words without white space: none can reach from one field, or one device, into the next. */
function wordsOf(search: string): string[] {
  return search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function orderOf(rows: readonly DeviceRow[], keyOf: (row: DeviceRow, place: number) => Key): Order {
  const keys = rows.map(keyOf);
  const places = new Int32Array(rows.length);
  let valued = 0;
  for (const [place, key] of keys.entries()) if (key !== null) places[valued++] = place;
  let end = valued;
  for (const [place, key] of keys.entries()) if (key === null) places[end++] = place;
  places.subarray(0, valued).sort((left, right) => {
    const [one, other] = [keys[left] ?? '', keys[right] ?? ''];
    return one < other ? -1 : one > other ? 1 : left - right;
  });
  return { places, valued };
}

type Key = string | number | null;

function keyOf(row: DeviceRow, sort: Exclude<Sort, 'state' | 'contactFleet'>): Key {
  switch (sort) {
    case 'verdict':
      return VERDICT_ORDER.indexOf(row.verdict);
    case 'action':
      return row.action === null ? null : ACTION_ORDER.indexOf(row.action);
    case 'lastSeen':
    case 'certificateNotAfter':
      return row[sort];
    case 'name':
      return row.name === null ? null : naturalKey(row.name);
    case 'serial':
    case 'udid':
    case 'platform':
      return row[sort]?.toLowerCase() ?? null;
  }
}

/**
 * A text that sorts as people count: `iPad 9` before `iPad 10`, `Äpfel` beside `Apfel`. Comparing these by code unit
 * is twenty times faster than a collator, which for 100,000 names is the difference between waiting and not.
 */
function naturalKey(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/\d{1,15}/g, (digits) => digits.padStart(15, '0'));
}

function facetsOf(rows: readonly DeviceRow[]): DevicePage['facets'] {
  const facets: DevicePage['facets'] = {
    verdicts: {},
    actions: {},
    platforms: {},
    reasons: {},
    sources: {},
    ...NO_FACETS,
  };
  const count = (facet: Record<string, number>, value: string): void => {
    facet[value] = (facet[value] ?? 0) + 1;
  };
  for (const row of rows) {
    count(facets.verdicts, row.verdict);
    if (row.action !== null) count(facets.actions, row.action);
    count(facets.platforms, row.platform ?? NO_PLATFORM);
    for (const code of row.reasons) count(facets.reasons, code);
    if (row.source !== null) count(facets.sources, String(row.source));
  }
  return facets;
}

function sameFilter(one: DeviceFilter, other: DeviceFilter): boolean {
  const same = (left: readonly string[], right: readonly string[]): boolean => left.join('\n') === right.join('\n');
  return (
    one.sort === other.sort &&
    one.descending === other.descending &&
    same(one.verdicts, other.verdicts) &&
    same(one.actions, other.actions) &&
    same(one.platforms, other.platforms) &&
    same(one.reasons, other.reasons) &&
    same(one.sources, other.sources) &&
    same(one.states, other.states) &&
    same(one.attention, other.attention)
  );
}

/** True when whatever matches `words` also matches `before`: somebody typed on. */
function narrows(before: readonly string[], words: readonly string[]): boolean {
  return before.every((word) => words.some((longer) => longer.includes(word)));
}
