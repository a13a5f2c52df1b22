/** The entries of one journal as the window holds them: pages around what is seen. */
import type { CallOutput } from '../../../contract/calls';
import type { Reply, ReplyFailure } from '../../../contract/reply';

const PAGE = 100;

type Page = CallOutput<'journal.read'>;
export type JournalEntry = Page['entries'][number];

export interface EntriesShown {
  /** Null until the first answer. */
  readonly total: number | null;
  readonly failure: ReplyFailure | null;
}

export class EntryPages {
  private shown: EntriesShown = { total: null, failure: null };
  private pages = new Map<number, readonly JournalEntry[]>();
  private loading = new Set<number>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly ask: (offset: number, limit: number) => Promise<Reply<Page>>) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): EntriesShown => this.shown;

  entry(place: number): JournalEntry | null {
    return this.pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;
  }

  readonly see = (from: number, to: number): void => {
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page += 1) {
      if (!this.pages.has(page) && !this.loading.has(page)) void this.fetch(page);
    }
  };

  /** The journal may have grown: the last pages are asked for again. */
  refresh(): void {
    const last = Math.max(0, Math.ceil((this.shown.total ?? 0) / PAGE) - 1);
    void this.fetch(last);
  }

  private async fetch(page: number): Promise<void> {
    this.loading.add(page);
    const reply = await this.ask(page * PAGE, PAGE);
    this.loading.delete(page);
    if (reply.ok) {
      this.pages.set(page, reply.value.entries);
      this.shown = { total: reply.value.total, failure: null };
    } else this.shown = { ...this.shown, failure: reply.failure };
    for (const listener of this.listeners) listener();
  }
}
