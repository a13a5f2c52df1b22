/** What is laid out in the inspector, and what is looked at. Lives in main's engine; this is what the window knows of it. */
import { create } from 'zustand';
import type { InspectedItem, InspectionShown } from '../../../contract/inspection';
import type { Reply } from '../../../contract/reply';
import { call } from '../../bridge';
import { perform } from '../../hooks/use-call';
import { setRefused } from '../../stores/ui';

interface Held {
  readonly inspection: InspectionShown | null;
  /** Index of the item whose details are shown; null: the first. */
  readonly selected: number | null;
  /** Index of the item it is compared with. */
  readonly compared: number | null;
  readonly busy: boolean;
}

const EMPTY: Held = { inspection: null, selected: null, compared: null, busy: false };

export const useInspection = create<Held>(() => EMPTY);

/** Takes up what main still holds, after the page was loaded anew. */
export async function takeUpInspection(): Promise<void> {
  const reply = await call('inspect.state', undefined);
  if (reply.ok) useInspection.setState({ inspection: reply.value });
}

async function renew(asked: () => Promise<Reply<InspectionShown | null>>): Promise<boolean> {
  setRefused('certificates', null);
  useInspection.setState({ busy: true });
  const reply = await asked();
  useInspection.setState({ busy: false });
  if (!reply.ok) {
    setRefused('certificates', reply.failure);
    return false;
  }
  // Null: the operator cancelled the dialog, and what is laid out stays. Indexes are those of the new list.
  if (reply.value !== null) useInspection.setState({ inspection: reply.value, selected: null, compared: null });
  return true;
}

/** Lays out files; null asks which. */
export function layOut(paths: readonly string[] | null): Promise<boolean> {
  return renew(() => call('inspect.add', { paths: paths === null ? null : [...paths] }));
}

export function layOutSource(): Promise<boolean> {
  return renew(() => call('inspect.addSource', undefined));
}

export function unlock(password: string): Promise<boolean> {
  return renew(() => call('inspect.unlock', { password }));
}

export async function clearInspection(): Promise<void> {
  await perform('certificates', 'inspect.clear', undefined);
  useInspection.setState(EMPTY);
}

export function select(index: number): void {
  useInspection.setState({ selected: index });
}

export function compareWith(index: number | null): void {
  useInspection.setState({ compared: index });
}

/** What an item is called: its subject's common name, else what it is and where it lies. */
export function titleOf(item: InspectedItem): string {
  const name = /(?:^|,)\s*CN=((?:\\.|[^,\\])*)/.exec(item.subject ?? '')?.[1];
  if (name !== undefined && name !== '') return name.replaceAll(/\\(.)/g, '$1');
  if (item.subject !== null && item.subject !== '') return item.subject;
  const file = item.file.split(/[\\/]/).at(-1) ?? item.file;
  return item.path === '' ? file : `${file}, ${item.path}`;
}
