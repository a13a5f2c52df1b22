/** The plan’s SQL as the window holds it: some pages of lines around what is seen, and where the search matches. */
import type { CallInput, CallOutput } from '../../../contract/calls';
import type { Reply, ReplyFailure } from '../../../contract/reply';

const PAGE = 200;
const PAGES_KEPT = 60;

type Page = CallOutput<'plan.sql'>;
export type AskSql = (input: CallInput<'plan.sql'>) => Promise<Reply<Page>>;

/** What is shown; a new object whenever anything of it changes. */
export interface SqlShown {
  /** Null until the first answer. */
  readonly total: number | null;
  readonly search: string;
  readonly matches: readonly number[];
  /** Another search is on its way. */
  readonly searching: boolean;
  readonly failure: ReplyFailure | null;
}

export class SqlPages {
  private shown: SqlShown = { total: null, search: '', matches: [], searching: false, failure: null };
  private readonly pages = new Map<number, readonly string[]>();
  private readonly loading = new Set<number>();
  private readonly listeners = new Set<() => void>();
  private wanted: string | null = null;
  private asking = false;

  constructor(private readonly ask: AskSql) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): SqlShown => this.shown;

  line(place: number): string | null {
    return this.pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;
  }

  /** Fetches what is seen and not there yet. */
  readonly see = (from: number, to: number): void => {
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page += 1) {
      if (!this.pages.has(page) && !this.loading.has(page)) void this.fetch(page);
    }
  };

  /** Looks for a text; while one search runs only the newest following one waits. */
  search(text: string): void {
    this.wanted = text;
    if (!this.asking) void this.find();
  }

  private async find(): Promise<void> {
    this.asking = true;
    while (this.wanted !== null) {
      const search = this.wanted;
      this.wanted = null;
      this.change({ searching: true });
      const reply = await this.ask({ offset: 0, limit: PAGE, search });
      if (reply.ok) {
        this.keep(0, reply.value.lines);
        this.change({ total: reply.value.total, search, matches: reply.value.matches, failure: null });
      } else this.change({ failure: reply.failure });
    }
    this.asking = false;
    this.change({ searching: false });
  }

  private async fetch(page: number): Promise<void> {
    this.loading.add(page);
    const reply = await this.ask({ offset: page * PAGE, limit: PAGE, search: '' });
    this.loading.delete(page);
    if (!reply.ok) {
      this.change({ failure: reply.failure });
      return;
    }
    this.keep(page, reply.value.lines);
    this.change({ total: reply.value.total });
  }

  private keep(page: number, lines: readonly string[]): void {
    this.pages.delete(page);
    this.pages.set(page, lines);
    // The first of a map is what was asked for longest ago.
    while (this.pages.size > PAGES_KEPT) {
      const [oldest] = this.pages.keys();
      if (oldest === undefined) return;
      this.pages.delete(oldest);
    }
  }

  private change(part: Partial<SqlShown>): void {
    this.shown = { ...this.shown, ...part };
    for (const listener of this.listeners) listener();
  }
}
