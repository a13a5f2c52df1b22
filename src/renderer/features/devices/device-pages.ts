/**
 * The device list as the window holds it: a few pages of the matching devices around what is seen.
 *
 * Typing never makes it flash: what is shown stays until the first page of the new list is there. While a question is
 * under way only the newest following one waits, so that a slow machine answers as fast as it can and no queue grows.
 */
import type { DeviceFilter, DevicePage, DeviceQuery, DeviceRow } from '../../../contract/devices';
import type { Reply, ReplyFailure } from '../../../contract/reply';

export const PAGE_SIZE = 200;
/** Rows fetched beyond what is seen, before and after. */
const AHEAD = 300;
const PAGES_KEPT = 40;
const AT_ONCE = 2;

/** What is shown; a new object whenever anything of it changes. */
export interface DeviceList {
  readonly filter: DeviceFilter;
  readonly total: number;
  readonly matching: number;
  readonly facets: DevicePage['facets'];
  /** Raised when another list is shown (another filter, another order, other data). */
  readonly generation: number;
  /** What is watched has moved since: asked anew, other devices may match, or in another order. */
  readonly outdated: boolean;
  /** Another list is on its way. */
  readonly asking: boolean;
  readonly failure: ReplyFailure | null;
}

/** True once a look at Fleet has said where devices stand. */
export function isWatched({ facets }: DeviceList): boolean {
  return Object.keys(facets.states).length > 0;
}

export type AskDevices = (query: DeviceQuery) => Promise<Reply<DevicePage>>;

export class DevicePages {
  private list: DeviceList | null = null;
  private pages = new Map<number, readonly DeviceRow[]>();
  private readonly listeners = new Set<() => void>();
  /** The page numbers on their way, of the list that is shown. */
  private readonly loading = new Set<number>();
  private wantedFilter: DeviceFilter | null = null;
  private askingList = false;
  private seen = { from: 0, to: 0 };

  constructor(private readonly ask: AskDevices) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Null until the first answer. */
  readonly current = (): DeviceList | null => this.list;

  row(place: number): DeviceRow | undefined {
    return this.pages.get(Math.floor(place / PAGE_SIZE))?.[place % PAGE_SIZE];
  }

  has(from: number, to: number): boolean {
    const last = Math.min(to, this.list?.matching ?? 0);
    for (let page = Math.floor(from / PAGE_SIZE); page * PAGE_SIZE < last; page += 1) {
      if (!this.pages.has(page)) return false;
    }
    return true;
  }

  /** Shows the devices of another filter, or the same ones anew because the data changed. */
  show(filter: DeviceFilter): void {
    this.wantedFilter = filter;
    if (this.list !== null && !this.list.asking) this.change({ asking: true });
    if (!this.askingList) void this.askForList();
  }

  /**
   * Fetches the rows that are seen anew, in their places: what is watched has changed. The list itself stays, so that
   * nothing moves under the pointer; `outdated` tells when it would be another one.
   */
  refresh(): void {
    const list = this.list;
    if (list === null || this.askingList) return;
    const { from, to } = this.seen;
    const first = Math.floor(from / PAGE_SIZE);
    const last = Math.floor(Math.max(from, to - 1) / PAGE_SIZE);
    for (const page of [...this.pages.keys()]) if (page < first || page > last) this.pages.delete(page);
    for (let page = first; page <= last; page += 1) void this.fetch(list, page);
  }

  /** Tells what is seen, so that it and its surroundings are fetched. */
  see(from: number, to: number): void {
    this.seen = { from, to };
    this.fetchSeen();
  }

  /** The rows of a range, wherever they are: for copying. */
  async rows(from: number, to: number): Promise<Reply<DeviceRow[]>> {
    const filter = this.list?.filter;
    const rows: DeviceRow[] = [];
    if (filter === undefined) return { ok: true, value: rows };
    for (let offset = from; offset < to; offset += 500) {
      const reply = await this.ask({ ...filter, offset, limit: Math.min(500, to - offset), hold: true });
      if (!reply.ok) return reply;
      rows.push(...reply.value.rows);
    }
    return { ok: true, value: rows };
  }

  private async askForList(): Promise<void> {
    this.askingList = true;
    while (this.wantedFilter !== null) {
      const filter = this.wantedFilter;
      this.wantedFilter = null;
      const reply = await this.ask({ ...filter, offset: 0, limit: PAGE_SIZE, hold: false });
      if (reply.ok) this.take(filter, reply.value);
      else if (!this.isAsked()) this.fail(filter, reply.failure);
    }
    this.askingList = false;
    if (this.list?.asking === true) this.change({ asking: false });
    this.fetchSeen();
  }

  /** Something newer was asked for meanwhile. */
  private isAsked(): boolean {
    return this.wantedFilter !== null;
  }

  private take(filter: DeviceFilter, page: DevicePage): void {
    this.pages = new Map([[0, page.rows]]);
    this.loading.clear();
    this.list = {
      filter,
      total: page.total,
      matching: page.matching,
      // The same counts stay the same object, so that what shows them need not be drawn again.
      facets: same(this.list?.facets, page.facets) ?? page.facets,
      generation: (this.list?.generation ?? 0) + 1,
      outdated: page.outdated,
      asking: this.isAsked(),
      failure: null,
    };
    this.tell();
  }

  private fail(filter: DeviceFilter, failure: ReplyFailure): void {
    if (this.list !== null) this.change({ failure });
    else {
      this.list = {
        filter,
        total: 0,
        matching: 0,
        facets: { verdicts: {}, actions: {}, platforms: {}, reasons: {}, sources: {}, states: {}, attention: {} },
        generation: 1,
        outdated: false,
        asking: false,
        failure,
      };
      this.tell();
    }
  }

  private fetchSeen(): void {
    const list = this.list;
    if (list === null || this.askingList) return;
    for (const page of this.missing(list)) {
      if (this.loading.size >= AT_ONCE) return;
      if (!this.loading.has(page)) void this.fetch(list, page);
    }
  }

  /** What is seen first, then what lies around it, nearest first. */
  private missing({ matching }: DeviceList): number[] {
    const { from, to } = this.seen;
    const middle = (from + to) / 2 / PAGE_SIZE;
    const first = Math.floor(Math.max(0, from - AHEAD) / PAGE_SIZE);
    const last = Math.floor((Math.min(matching, to + AHEAD) - 1) / PAGE_SIZE);
    const pages: number[] = [];
    for (let page = first; page <= last; page += 1) if (!this.pages.has(page)) pages.push(page);
    return pages.sort((one, other) => Math.abs(one + 0.5 - middle) - Math.abs(other + 0.5 - middle));
  }

  private async fetch(list: DeviceList, page: number): Promise<void> {
    this.loading.add(page);
    const reply = await this.ask({ ...list.filter, offset: page * PAGE_SIZE, limit: PAGE_SIZE, hold: true });
    // Another list is shown by now.
    if (list.generation !== this.list?.generation) return;
    this.loading.delete(page);
    if (!reply.ok) {
      this.change({ failure: reply.failure });
      return;
    }
    if (reply.value.matching !== this.list.matching) {
      // The data changed under it: what was fetched before may have moved.
      this.show(this.list.filter);
      return;
    }
    this.pages.set(page, reply.value.rows);
    this.forgetFar();
    const { facets, outdated } = reply.value;
    this.change({ failure: null, outdated, facets: same(this.list.facets, facets) ?? facets });
    this.fetchSeen();
  }

  private forgetFar(): void {
    if (this.pages.size <= PAGES_KEPT) return;
    const middle = (this.seen.from + this.seen.to) / 2 / PAGE_SIZE;
    const far = [...this.pages.keys()].sort((one, other) => Math.abs(other - middle) - Math.abs(one - middle));
    for (const page of far.slice(0, this.pages.size - PAGES_KEPT)) this.pages.delete(page);
  }

  private change(part: Partial<DeviceList>): void {
    if (this.list === null) return;
    this.list = { ...this.list, ...part };
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function same<T>(known: T | undefined, now: T): T | null {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(now) ? known : null;
}
