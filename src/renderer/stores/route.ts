/** Where the window is: `#/devices?verdict=blocked`. Each step remembers its last query, so coming back resumes it. */
import { create } from 'zustand';
import { STEPS, type StepName } from '../../contract/step-names';

export interface Route {
  /** Null: the first screen there is reason to show. */
  readonly step: StepName | null;
  readonly query: string;
}

interface Routes extends Route {
  readonly last: Partial<Record<StepName, string>>;
}

const KNOWN: ReadonlySet<string> = new Set<StepName>(STEPS);

function routeOf(hash: string): Route {
  const [path = '', ...rest] = hash.replace(/^#\/?/, '').split('?');
  return { step: KNOWN.has(path) ? (path as StepName) : null, query: rest.join('?') };
}

export function hashOf(step: StepName, query = ''): string {
  return query === '' ? `#/${step}` : `#/${step}?${query}`;
}

const routes = create<Routes>(() => ({ ...routeOf(window.location.hash), last: {} }));

function follow(): void {
  const route = routeOf(window.location.hash);
  routes.setState(({ last }) => ({
    ...route,
    last: route.step === null ? last : { ...last, [route.step]: route.query },
  }));
}
window.addEventListener('hashchange', follow);

export function useRoute<T>(pick: (routes: Routes) => T): T {
  return routes(pick);
}

/** Where the window is at this moment, for event handlers. */
export function currentRoute(): Route {
  return routes.getState();
}

/** Goes to a step; without a query to where it was left. */
export function goTo(step: StepName, query?: string): void {
  window.location.hash = hashOf(step, query ?? routes.getState().last[step] ?? '');
}

/** Writes the present step's query without a new entry in the history. */
export function replaceQuery(step: StepName, query: string): void {
  if (routes.getState().step !== step) return;
  window.history.replaceState(null, '', hashOf(step, query));
  follow();
}
