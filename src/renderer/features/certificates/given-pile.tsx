/** Files given for one purpose: a place to drop them on, what they turned out to be, and the password they ask for. */
import {
  Award,
  FileKey,
  FileQuestion,
  FileSignature,
  FolderOpen,
  KeyRound,
  Sparkles,
  type LucideIcon,
} from 'lucide-react';
import type { GivenPile as Pile, GivenSlot } from '../../../contract/given-files';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { FileDrop } from '../../components/file-drop';
import { UnlockForm } from '../../components/unlock-form';
import { counted } from '../../format/number';
import { day } from '../../format/time';
import { inWords, sentenceCase } from '../../format/words';
import { clearGiven, give, pileOf, unlockGiven, useGiven } from './given-store';
import './given-pile.css';

interface GivenPileProps {
  readonly slot: GivenSlot;
  /** What the files are: “Files of the SCEP CA”. */
  readonly label: string;
  /** What to drop there. */
  readonly hint: string;
}

const ICONS: Readonly<Record<string, LucideIcon>> = {
  certificate: Award,
  key: KeyRound,
  'public-key': FileKey,
  request: FileSignature,
};
/** Of the things in a pile so many are shown. */
const MOST = 8;

export function GivenPile({ slot, label, hint }: GivenPileProps): React.JSX.Element {
  const pile = useGiven(({ piles }) => pileOf(piles, slot));
  const busy = useGiven((held) => (held.busy ? 'Files are being read.' : null));
  return (
    <FileDrop
      className="pile"
      overClassName="pile-over"
      onDrop={(dropped) => {
        const paths = dropped.filter((path) => path !== '');
        if (paths.length > 0) void give(slot, paths);
      }}
    >
      <div className="pile-head" role="group" aria-label={label}>
        <div>
          <p className="pile-label">{label}</p>
          <p className="muted">{hint}</p>
        </div>
        <Button icon={FolderOpen} cannot={busy} onClick={() => void give(slot, null)}>
          Add files…
        </Button>
        {pile !== null && (
          <Button variant="quiet" cannot={busy} onClick={() => void clearGiven(slot)}>
            Clear
          </Button>
        )}
      </div>
      {pile !== null && <Things pile={pile} />}
      {pile !== null && pile.locked > 0 && <UnlockForm locked={pile.locked} onUnlock={unlockGiven} />}
    </FileDrop>
  );
}

function Things({ pile }: { readonly pile: Pile }): React.JSX.Element {
  const { things, made } = pile;
  return (
    <ul className="pile-things" aria-label="What they hold">
      {made !== null && (
        <li>
          <Sparkles size={15} aria-hidden />
          <span className="pile-what">{sentenceCase(made)}</span>
          <span className="pile-facts muted">Made here; it counts instead of files.</span>
        </li>
      )}
      {things.slice(0, MOST).map((thing, index) => (
        <Thing key={index} thing={thing} />
      ))}
      {things.length > MOST && <li className="muted">and {counted(things.length - MOST, 'more thing')}</li>}
    </ul>
  );
}

function Thing({ thing }: { readonly thing: Pile['things'][number] }): React.JSX.Element {
  const { kind, role, file, path, subject, notAfter, keyType, keyBits, locked } = thing;
  const Icon = ICONS[kind] ?? FileQuestion;
  const name = file.split(/[\\/]/).at(-1) ?? file;
  const facts = [
    ...(subject === null ? [] : [subject]),
    ...(kind === 'certificate' && role !== 'unknown' ? [inWords(role)] : []),
    ...(keyType === null ? [] : [`${keyType}${keyBits === null ? '' : ` ${keyBits}`}`]),
    ...(notAfter === null ? [] : [`until ${day(notAfter)}`]),
  ];
  return (
    <li>
      <Icon size={15} aria-hidden />
      <span className="pile-what" title={path === '' ? file : `${file}, ${path}`}>
        {inWords(kind)} <span className="mono">{name}</span>
      </span>
      {locked ? <Badge tone="caution">Locked</Badge> : <span />}
      {facts.length > 0 && <span className="pile-facts muted">{facts.join(' · ')}</span>}
    </li>
  );
}
