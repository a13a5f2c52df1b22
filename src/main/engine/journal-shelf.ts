/** The journals of a workspace, for the window: listed and read in portions. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOutput } from '../../contract/calls';
import { FailureError } from '../../core/failure';
import { journalKindOf, tellJournal, type JournalSummary, type JournalTold } from '../../core/report/journal-story';

export class JournalShelf {
  /** Journals only grow: one of the same size and time is the same. */
  readonly #read = new Map<string, { readonly key: string; readonly told: JournalTold }>();

  /** The journals of a folder, newest first. One that cannot be read is left out here; opening it says why. */
  async list(folder: string): Promise<JournalSummary[]> {
    const names = await readdir(folder).catch(() => [] as string[]);
    const found: JournalSummary[] = [];
    for (const name of names.filter((one) => journalKindOf(one) !== null)) {
      const path = join(folder, name);
      try {
        const { summary } = await this.#told(path);
        if (summary !== null) found.push(summary);
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
      }
    }
    return found.sort((left, right) => right.openedAt - left.openedAt);
  }

  async page(path: string, offset: number, limit: number): Promise<CallOutput<'journal.read'>> {
    const { entries: all, tornBytes } = await this.#told(path);
    const entries = all.slice(offset, offset + limit);
    if (tornBytes > 0 && offset + limit > all.length && offset <= all.length) {
      entries.push({
        seq: all.length,
        at: all.at(-1)?.at ?? 0,
        kind: 'torn',
        sentence: `The last line was torn by a crash (${tornBytes} bytes); the target tells how that ended.`,
        detail: '',
      });
    }
    return { total: all.length + (tornBytes > 0 ? 1 : 0), entries: entries.slice(0, Math.max(limit, 0)) };
  }

  async #told(path: string): Promise<JournalTold> {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0 }));
    const key = `${size} ${mtimeMs}`;
    const known = this.#read.get(path);
    if (known?.key === key) return known.told;
    const told = await tellJournal(path);
    this.#read.set(path, { key, told });
    return told;
  }
}
