/** What belongs together: one branch for each key pair, with certificate, key and request; then everything without one. */
import {
  Award,
  Box,
  Database,
  FileBadge,
  FileKey,
  FileQuestion,
  FileSignature,
  KeyRound,
  Stamp,
  type LucideIcon,
} from 'lucide-react';
import { useRef } from 'react';
import type { InspectedItem, InspectionShown } from '../../../contract/inspection';
import { SeverityIcon } from '../../components/severity-icon';
import { counted } from '../../format/number';
import { inWords } from '../../format/words';
import { select, titleOf } from './inspection-store';

/** Items shown at a time; a folder of thousands is better narrowed down. */
const MOST_ITEMS = 1_000;

const ICONS: Readonly<Record<string, LucideIcon>> = {
  certificate: Award,
  key: KeyRound,
  'public-key': FileKey,
  request: FileSignature,
  bundle: Box,
  'push-request': Stamp,
  profile: FileBadge,
  database: Database,
};

/** Certificates first: the others are told by theirs. */
const ORDER = ['certificate', 'key', 'public-key', 'request'];

interface Branch {
  readonly title: string;
  readonly role: string;
  readonly items: readonly InspectedItem[];
}

function branchesOf({ items, groups }: InspectionShown): Branch[] {
  const grouped = new Set(groups.flat());
  const rank = ({ kind }: InspectedItem): number => {
    const at = ORDER.indexOf(kind);
    return at < 0 ? ORDER.length : at;
  };
  const branches = groups.map((group): Branch => {
    const members = group.flatMap((index) => items[index] ?? []).sort((a, b) => rank(a) - rank(b));
    const [first] = members;
    return { title: first === undefined ? '' : titleOf(first), role: first?.role ?? 'unknown', items: members };
  });
  const others = items.filter(({ index }) => !grouped.has(index));
  return [
    // What a migration stands on comes first.
    ...branches.sort((a, b) => weightOf(a) - weightOf(b)),
    ...(others.length === 0 ? [] : [{ title: 'Files and what has no key', role: 'unknown', items: others }]),
  ];
}

function weightOf({ role }: Branch): number {
  const at = ['push-certificate', 'scep-ca', 'abm', 'mdm-vendor', 'tls-server', 'ca', 'identity'].indexOf(role);
  return at < 0 ? 9 : at;
}

interface TreeProps {
  readonly inspection: InspectionShown;
  readonly selected: number;
}

export function InspectionTree({ inspection, selected }: TreeProps): React.JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const branches = branchesOf(inspection);
  const shown = branches.flatMap(({ items }) => items).slice(0, MOST_ITEMS);
  const allowed = new Set(shown);
  const move = (event: React.KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = shown.findIndex(({ index }) => index === selected);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + step))];
    if (next === undefined) return;
    select(next.index);
    list.current?.querySelector<HTMLElement>(`[data-item="${next.index}"]`)?.focus();
  };
  return (
    <div className="inspect-tree">
      <div ref={list} role="listbox" aria-label="What was found" onKeyDown={move}>
        {branches.map((branch, number) => {
          const items = branch.items.filter((item) => allowed.has(item));
          if (items.length === 0) return null;
          return (
            <div
              key={number}
              className="inspect-branch"
              role="group"
              aria-label={`${branch.title}, ${inWords(branch.role)}`}
            >
              <p className="inspect-branch-title" aria-hidden>
                {branch.title}
                {branch.role !== 'unknown' && <span className="muted">{inWords(branch.role)}</span>}
              </p>
              {items.map((item) => (
                <Leaf key={item.index} item={item} selected={item.index === selected} />
              ))}
            </div>
          );
        })}
      </div>
      {shown.length < inspection.items.length && (
        <p className="muted inspect-more">
          {counted(inspection.items.length - shown.length, 'more thing', 'more things')} not shown; the saved list has
          all of them.
        </p>
      )}
    </div>
  );
}

function Leaf({ item, selected }: { readonly item: InspectedItem; readonly selected: boolean }): React.JSX.Element {
  const Icon = ICONS[item.kind] ?? FileQuestion;
  const worst = (['error', 'warning'] as const).find((severity) =>
    item.problems.some((problem) => problem.severity === severity),
  );
  const file = item.file.split(/[\\/]/).at(-1) ?? item.file;
  return (
    <button
      type="button"
      role="option"
      aria-selected={selected}
      data-item={item.index}
      tabIndex={selected ? 0 : -1}
      className={selected ? 'inspect-leaf inspect-leaf-selected' : 'inspect-leaf'}
      onClick={() => {
        select(item.index);
      }}
    >
      <Icon size={15} aria-hidden />
      <span className="inspect-leaf-kind">{inWords(item.kind)}</span>
      <span className="inspect-leaf-file" title={item.path === '' ? item.file : `${item.file}, ${item.path}`}>
        {item.path === '' ? file : `${file}, ${item.path}`}
      </span>
      {worst !== undefined && <SeverityIcon severity={worst} />}
    </button>
  );
}
