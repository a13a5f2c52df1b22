/** The inspector on the engine's thread: the files the operator laid out, the passwords they gave, and what was found. */
import type { InspectionShown } from '../../contract/inspection';
import { misused } from '../../core/failure';
import { compare, csv, exportPart, inspectFiles, listing, type Inspection, type Item } from '../../core/inspector';
import { Secret } from '../../core/secret';
import { replacePrivate } from '../private-file';
import type { EngineInput, EngineOutput } from './protocol';

/** Files and folders laid out at a time; each folder may hold many. */
const MOST_PATHS = 500;
const MOST_PASSWORDS = 20;

export class InspectionBench {
  #paths: readonly string[] = [];
  /** Kept until the bench is cleared: what is added later is often locked by the same ones. */
  #passwords: readonly Secret[] = [];
  #found: Inspection | null = null;

  /** Lays out more files, or gives a password, and inspects all of it anew. */
  async inspect({ add, password }: EngineInput<'inspect'>): Promise<EngineOutput<'inspect'>> {
    const paths = [...new Set([...this.#paths, ...add])];
    if (paths.length > MOST_PATHS) {
      misused(
        'inspect/too-many-files',
        `More than ${MOST_PATHS} files were laid out.`,
        'Lay out their folder instead.',
      );
    }
    this.#paths = paths;
    if (password !== null) {
      this.#passwords = [...this.#passwords, new Secret('password', password)].slice(-MOST_PASSWORDS);
    }
    if (paths.length === 0) return null;
    const passwords = this.#passwords;
    this.#found = await inspectFiles(
      paths.map((path) => ({ path })),
      { at: Date.now(), passwordFor: (_file, { attempt }) => Promise.resolve(passwords[attempt - 1] ?? null) },
    );
    return shown(this.#found);
  }

  /** What was found last; null when nothing is laid out. */
  current(): EngineOutput<'inspected'> {
    return this.#found === null ? null : shown(this.#found);
  }

  clear(): null {
    this.#paths = [];
    this.#passwords = [];
    this.#found = null;
    return null;
  }

  compare({ a, b }: EngineInput<'compareItems'>): EngineOutput<'compareItems'> {
    return compare(this.#item(a), this.#item(b));
  }

  /** Writes one item as a file of its own (0600): it may be a key. */
  async exportPart({ item, format, password, withChain, path }: EngineInput<'exportItem'>): Promise<null> {
    const part = await exportPart(this.#require(), this.#item(item), format, {
      ...(password === null ? {} : { password: new Secret('export password', password) }),
      withChain,
    });
    await replacePrivate(path, part.reveal());
    return null;
  }

  /** Writes the list of all that was found. */
  async exportList({ format, path }: EngineInput<'exportItems'>): Promise<EngineOutput<'exportItems'>> {
    const found = this.#require();
    await replacePrivate(path, format === 'csv' ? csv(found) : `${JSON.stringify(listing(found), null, 2)}\n`);
    return { items: found.items.length };
  }

  #require(): Inspection {
    return (
      this.#found ??
      misused('inspect/nothing', 'Nothing has been laid out to inspect.', 'Choose files or a folder first.')
    );
  }

  #item(index: number): Item {
    return (
      this.#require().items[index] ??
      misused('inspect/no-item', 'There is no such item any more.', 'Choose it in the list again.')
    );
  }
}

/** The plain part of an inspection; none of it is secret. The protocol strips what the window does not need. */
function shown({ at, items, groups, links, skipped }: Inspection): InspectionShown {
  const isLocked = ({ locked, problems }: Item): boolean =>
    locked && problems.some(({ code }) => code.startsWith('password-'));
  return { at, items, groups, links, skipped, locked: items.filter(isLocked).length };
}
