/**
 * The ways to log in, in OpenSSH's order: agent, key, password, keyboard-interactive. The server is asked first what it
 * takes, so nothing is offered to one that would not have it.
 */
import type {
  AnyAuthMethod,
  AuthHandlerMiddleware,
  BaseAgent,
  KeyboardInteractiveCallback,
  ParsedKey,
  Prompt,
} from 'ssh2';
import type { Secret } from '../secret';
import type { Tried } from './ssh-failure';

/** What there is to log in with. */
export interface LoginMeans {
  readonly user: string;
  readonly agent?: BaseAgent;
  readonly key?: ParsedKey;
  readonly password?: Secret;
}

interface Way {
  readonly name: string;
  /** What the server calls it. */
  readonly method: string;
  readonly offer: AnyAuthMethod;
}

/** One login: what to try next, and what was tried. */
export class Login {
  readonly #ways: Way[];
  readonly #tried: string[] = [];
  #offered: readonly string[] = [];
  #askedFirst = false;
  /** Said from outside: the agent was named and could not be asked. */
  agentFailed = false;
  #askedMore = false;
  readonly #giveUp: () => void;
  readonly #username: string;
  #answered = false;

  /** @param giveUp called when the server asks for what cannot be answered */
  constructor({ user: username, agent, key, password }: LoginMeans, giveUp: () => void) {
    this.#giveUp = giveUp;
    this.#username = username;
    const text = password?.revealText();
    this.#ways = [
      ...(agent ? [way('agent', 'publickey', { type: 'agent', username, agent })] : []),
      ...(key ? [way('key', 'publickey', { type: 'publickey', username, key })] : []),
      ...(text === undefined ? [] : [way('password', 'password', { type: 'password', username, password: text })]),
      ...(text === undefined
        ? []
        : [
            way('keyboard-interactive', 'keyboard-interactive', {
              type: 'keyboard-interactive',
              username,
              prompt: (_name, _instructions, _language, prompts, answer) => this.#answer(prompts, answer, text),
            }),
          ]),
    ];
  }

  get tried(): Tried {
    return {
      ways: this.#tried,
      offered: this.#offered,
      agentFailed: this.agentFailed,
      askedMore: this.#askedMore,
    };
  }

  /** ssh2's question: what next? `methodsLeft` is null before anything was tried. */
  readonly next: AuthHandlerMiddleware = (methodsLeft, _partial, choose) => {
    const left = methodsLeft as readonly string[] | null;
    if (!this.#askedFirst) {
      this.#askedFirst = true;
      choose({ type: 'none', username: this.#username });
      return;
    }
    if (left !== null) this.#offered = left.filter((name) => /^[\w@.-]{1,64}$/.test(name)).slice(0, 10);
    const index = this.#ways.findIndex(({ method }) => left === null || left.includes(method));
    const [chosen] = index < 0 ? [] : this.#ways.splice(index, 1);
    if (chosen === undefined) {
      // ssh2 takes false for "nothing left"; its types do not know that.
      (choose as unknown as (end: false) => void)(false);
      return;
    }
    this.#tried.push(chosen.name);
    choose(chosen.offer);
  };

  /** Answers one question for a hidden text, once: that is a password. Anything else is not ours to guess. */
  #answer(prompts: readonly Prompt[], answer: KeyboardInteractiveCallback, password: string): void {
    if (prompts.length === 1 && prompts[0]?.echo !== true && !this.#answered) {
      this.#answered = true;
      answer([password]);
      return;
    }
    this.#askedMore = true;
    this.#giveUp();
  }
}

function way(name: string, method: string, offer: AnyAuthMethod): Way {
  return { name, method, offer };
}
