/** Finds the password of what is encrypted: none first, then those that opened something else, then by asking. */
import { WorkBudget, type LockProblem, type Opened } from '../certificates/password-encryption';
import type { Secret } from '../secret';

/** What a password is asked for. */
export interface PasswordHint {
  readonly what: 'pkcs12' | 'key';
  /** Where in the file, as an item's `path`. */
  readonly path: string;
  /** 1 for the first question about this thing; higher when the password before was wrong. */
  readonly attempt: number;
}

/** Asks for the password of something in a file; null gives up. */
export type PasswordFor = (file: string, hint: PasswordHint) => Promise<Secret | null>;

/** Questions about one thing at most. */
const MAX_ATTEMPTS = 20;
/** Known passwords tried on one thing at most; deriving a key takes time. */
const MAX_KNOWN = 10;

/** The passwords of one inspection. */
export class Passwords {
  readonly work = new WorkBudget();
  readonly #known: Buffer[] = [];

  constructor(private readonly ask: PasswordFor | undefined) {}

  /**
   * Opens something by trying passwords.
   * @returns `asked` tells "no password was given" from "none was right".
   */
  async open<T>(
    file: string,
    hint: Omit<PasswordHint, 'attempt'>,
    attempt: (password: Buffer) => Promise<Opened<T>> | Opened<T>,
  ): Promise<{ ok: true; value: T; encrypted: boolean } | { ok: false; problem: LockProblem; asked: boolean }> {
    for (const password of [Buffer.alloc(0), ...this.#known]) {
      const opened = await attempt(password);
      if (opened.ok) return { ...opened, encrypted: password.length > 0 };
      if (opened.problem !== 'password') return { ...opened, asked: false };
    }
    let given = 0;
    while (this.ask && given < MAX_ATTEMPTS) {
      const secret = await this.ask(file, { ...hint, attempt: given + 1 });
      if (!secret) break;
      given++;
      const password = secret.reveal();
      const opened = await attempt(password);
      if (opened.ok) {
        if (!this.#known.some((known) => known.equals(password)) && this.#known.length < MAX_KNOWN)
          this.#known.push(password);
        return { ...opened, encrypted: true };
      }
      if (opened.problem !== 'password') return { ...opened, asked: true };
    }
    return { ok: false, problem: 'password', asked: given > 0 };
  }
}
