/** Findings of one reading, gathered. */
import type { Finding } from './snapshot';

/** Collects findings; those of one code about many subjects become one finding. */
export class FindingLog {
  readonly #list: Finding[] = [];
  readonly #subjects = new Map<string, string[]>();

  add(code: string, severity: Finding['severity'], detail: string, subjects?: readonly string[]): void {
    this.#list.push({ code, severity, detail, ...(subjects ? { subjects } : {}) });
  }

  /** Remembers a subject for a finding of many; {@link gather} makes the finding. */
  mark(code: string, subject: string): void {
    const known = this.#subjects.get(code);
    if (known) known.push(subject);
    else this.#subjects.set(code, [subject]);
  }

  /** Makes one finding of everything marked under a code, if anything was. */
  gather(code: string, severity: Finding['severity'], detail: (count: number) => string): void {
    const subjects = this.#subjects.get(code);
    if (!subjects) return;
    this.#subjects.delete(code);
    this.add(code, severity, detail(subjects.length), subjects);
  }

  /** What was found, errors first, otherwise in the order it was met. */
  all(): Finding[] {
    const weight = { error: 0, warning: 1, info: 2 } as const;
    return this.#list.toSorted((a, b) => weight[a.severity] - weight[b.severity]);
  }
}
