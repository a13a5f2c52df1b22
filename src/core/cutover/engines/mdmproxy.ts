/**
 * Fleet's mdmproxy through its /admin endpoints (spec/fleet.md 7): a list of UDIDs that replaces the one before, and a
 * percentage that is kept at 0, so that the list alone decides.
 *
 * It keeps both in memory and tells neither: after a restart it leads by its flags again, and replicas know nothing of
 * each other. So every replica is told, and told again when it was restarted.
 */
import { z } from 'zod';
import { attempt, FailureError, refused, unreadable } from '../../failure';
import { Secret } from '../../secret';
import { formatMap } from '../route-map';
import { callWeb, type WebPlace } from '../../commands/web-call';
import { readingOf, type EngineKind, type EngineSecrets, type RouteEngine, type RouteProblem } from './engine';

const settings = z.strictObject({
  kind: z.literal('mdmproxy'),
  instances: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/),
        url: z.string().max(500),
        caFile: z.string().nullable(),
        /** Plain HTTP to another machine was confirmed: its token then travels in the open. */
        plainConfirmed: z.boolean(),
      }),
    )
    .min(1)
    .max(20),
});

export type MdmproxySettings = z.infer<typeof settings>;
type Instance = MdmproxySettings['instances'][number];

export const MDMPROXY: EngineKind<MdmproxySettings> = {
  kind: 'mdmproxy',
  title: 'Fleet’s mdmproxy',
  settings,
  open: ({ instances }, secrets) => new MdmproxyEngine(instances, secrets),
};

interface Change {
  readonly path: string;
  /** How its answer begins when it was taken. */
  readonly done: RegExp;
}
const LIST: Change = { path: '/admin/udids', done: /^Migrate UDIDs updated/ };
const PERCENTAGE: Change = { path: '/admin/percentage', done: /^Migrate percentage updated: 0\b/ };

/** Failures after which nothing was changed for certain. */
const DEFINITE = new Set(['mdmproxy/unauthorized']);

class MdmproxyEngine implements RouteEngine {
  readonly readsBack = false;
  readonly #instances: readonly Instance[];
  readonly #token: Secret | undefined;

  constructor(instances: readonly Instance[], { token }: EngineSecrets) {
    this.#instances = instances;
    this.#token = token;
  }

  /** It cannot be asked where devices go; only whether it runs. */
  async read(): ReturnType<RouteEngine['read']> {
    const problems: RouteProblem[] = [];
    for (const instance of this.#instances) {
      const answer = await attempt(() => callWeb(placeOf(instance), { method: 'GET', path: '/healthz' }));
      if (answer.ok && answer.value.status === 200) continue;
      problems.push({
        code: 'not-readable',
        instance: instance.name,
        sentence: answer.ok
          ? `${instance.name} answered ${answer.value.status} when asked for its health.`
          : answer.failure.message,
        remedy: answer.ok ? 'Check that this is mdmproxy.' : answer.failure.remedy,
      });
    }
    return readingOf(
      this.#instances.map(({ name }) => ({ name, running: null, stored: null })),
      problems,
    );
  }

  async lead(fleet: ReadonlySet<string>, before: ReadonlySet<string>): ReturnType<RouteEngine['lead']> {
    // Checks every UDID: the list knows no escaping.
    const list = listOf(fleet);
    const token = this.#requireToken();
    // Everything is asked before anything is changed.
    for (const instance of this.#instances) await callWeb(placeOf(instance), { method: 'GET', path: '/healthz' });
    const told: Instance[] = [];
    try {
      for (const instance of this.#instances) {
        // What was refused has changed nothing; what broke off may have.
        const first = await attempt(() => this.#tell(instance, token, LIST, list));
        if (first.ok || !DEFINITE.has(first.failure.code)) told.push(instance);
        if (!first.ok) throw new FailureError(first.failure);
        // The list came first: whoever the percentage led to Fleet is in it before the percentage goes.
        await this.#tell(instance, token, PERCENTAGE, '0');
      }
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      const open: string[] = [];
      for (const instance of told) {
        const back = await attempt(() => this.#tell(instance, token, LIST, listOf(before)));
        if (!back.ok) open.push(instance.name);
      }
      const { failure } = error;
      if (open.length === 0)
        throw new FailureError({ ...failure, message: `${failure.message} No route was changed.` }, { cause: error });
      throw new FailureError(
        {
          code: 'wave/routes-split',
          message: `${failure.message} ${open.join(', ')} could not be set back, so it is not known where ${open.length === 1 ? 'it leads' : 'they lead'} devices.`,
          remedy: `${failure.remedy} Take ${open.join(', ')} out of service, or set the routes again as soon as it answers.`,
          kind: 'finding',
          detail: { instances: open.join(', ') },
        },
        { cause: error },
      );
    }
    return this.read();
  }

  #requireToken(): Secret {
    return (
      this.#token ??
      refused(
        'mdmproxy/token-missing',
        'mdmproxy changes its routes only with its token.',
        'Give the token it was started with (-auth-token).',
      )
    );
  }

  async #tell(instance: Instance, token: Secret, { path, done }: Change, body: string): Promise<void> {
    const secret = token.revealText().trim();
    let answer = await callWeb(placeOf(instance), {
      method: 'PUT',
      path,
      body,
      authorization: new Secret('mdmproxy token', `Bearer ${secret}`),
    });
    // Builds before it learnt the word Bearer take the token alone.
    if (answer.status === 401)
      answer = await callWeb(placeOf(instance), {
        method: 'PUT',
        path,
        body,
        authorization: new Secret('mdmproxy token', secret),
      });
    if (answer.status === 200 && done.test(answer.body)) return;
    if (answer.status === 401)
      return unreadable(
        'mdmproxy/unauthorized',
        `${instance.name} did not accept the token.`,
        'Give the token it was started with (-auth-token); without that option it takes no changes at all.',
      );
    unreadable(
      'mdmproxy/refused',
      `${instance.name} answered ${answer.status} to a change of its routes, in a form that was not expected.`,
      'Check that the address is mdmproxy itself.',
      { status: answer.status },
    );
  }
}

/** Separated by line breaks: commas do not work, whatever its older help says. */
function listOf(udids: ReadonlySet<string>): string {
  return formatMap(udids)
    .replaceAll(/ fleet\n/g, '\n')
    .trimEnd();
}

function placeOf({ name, url, caFile, plainConfirmed }: Instance): WebPlace {
  return { who: name, url, caFile, plainConfirmed };
}
