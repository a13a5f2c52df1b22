/** Profiles by identifier: where each stands, what differs, and which of them shall go. */
import { useState } from 'react';
import type { ControlRowShown, ControlsView } from '../../../contract/controls';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { EmptyLine } from './empty-line';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { counted, grouped } from '../../format/number';
import type { Tone } from '../../components/tone';
import { choose, useControls } from './controls-store';

type Standing = ControlRowShown['standing'];

export const STANDING_WORDS: Readonly<Record<Standing, readonly [label: string, tone: Tone]>> = {
  'left-behind': ['Left behind', 'caution'],
  updated: ['Updated in place', 'renew'],
  new: ['New from Fleet', 'info'],
  same: ['The same', 'good'],
  'stored-only': ['On no device', 'quiet'],
  enrollment: ['Enrollment', 'quiet'],
  'fleets-own': ['Fleet’s own', 'quiet'],
};

export function ProfileTable({
  view,
  shown,
}: {
  readonly view: ControlsView;
  readonly shown: Standing | null;
}): React.JSX.Element {
  const rows = view.rows.filter(({ standing }) => shown === null || standing === shown);
  return (
    <Panel title="Profiles" flush>
      {rows.length === 0 ? (
        <EmptyLine text="No profile is in this group." />
      ) : (
        <ul className="controls-rows" aria-label="Profiles">
          {rows.map((row) => (
            <Row key={`${row.standing} ${row.identifier}`} row={row} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Row({ row }: { readonly row: ControlRowShown }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const selected = useControls((held) => held.selected);
  const [label, tone] = STANDING_WORDS[row.standing];
  const changes = row.root.length + row.payloads.filter(({ standing }) => standing !== 'same').length;
  const removable = row.standing === 'left-behind' || row.standing === 'stored-only';
  return (
    <li className="controls-row">
      <input
        type="checkbox"
        aria-label={`Take off devices: ${row.identifier}`}
        checked={selected.includes(row.identifier)}
        disabled={!removable}
        onChange={(event) => {
          const { checked } = event.currentTarget;
          choose({
            selected: checked ? [...selected, row.identifier] : selected.filter((one) => one !== row.identifier),
          });
        }}
      />
      <div className="controls-row-text">
        <div className="controls-row-head">
          <span className="controls-name">{row.name ?? row.identifier}</span>
          <Badge tone={tone}>{label}</Badge>
          {row.scope === 'User' && <Badge tone="quiet">User channel</Badge>}
          {row.signed && <Badge tone="quiet">Signed</Badge>}
        </div>
        <code className="controls-id">{row.identifier}</code>
        <span className="muted">{factsOf(row).join(' · ')}</span>
        {changes > 0 && (
          <div>
            <Button
              variant="quiet"
              aria-expanded={open}
              onClick={() => {
                setOpen(!open);
              }}
            >
              {open ? 'Hide the differences' : `Show ${counted(changes, 'difference')}`}
            </Button>
          </div>
        )}
        {open && <Differences row={row} />}
        {row.refusals.length > 0 && row.standing !== 'enrollment' && (
          <ul className="problem-list" aria-label="Why Fleet would not take it">
            {row.refusals.map(({ code, sentence, remedy }) => (
              <li key={code}>
                <ProblemNote
                  plain
                  severity="warning"
                  what={`Fleet would not take it: ${sentence}`}
                  remedy={remedy}
                  code={code}
                />
              </li>
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}

function factsOf(row: ControlRowShown): string[] {
  return [
    row.payloadTypes.length === 0 ? 'no payload' : [...new Set(row.payloadTypes)].slice(0, 3).join(', '),
    ...(row.installedOn === null ? [] : [`on ${counted(row.installedOn, 'device')}`]),
    ...(row.waitingFor > 0 ? [`waiting for ${grouped(row.waitingFor)}`] : []),
    ...(row.atEnroll ? ['at enrollment'] : []),
  ];
}

function Differences({ row }: { readonly row: ControlRowShown }): React.JSX.Element {
  const groups = [
    { title: 'The profile itself', word: '', changes: row.root, more: 0 },
    ...row.payloads
      .filter(({ standing }) => standing !== 'same')
      .map(({ type, standing, changes, more }) => ({
        title: type,
        word: { changed: '', 'only-source': 'goes', 'only-fleet': 'comes', same: '' }[standing],
        changes,
        more,
      })),
  ].filter(({ changes, word }) => changes.length > 0 || word !== '');
  return (
    <div className="controls-differences">
      {groups.map(({ title, word, changes, more }, place) => (
        <div key={`${place} ${title}`}>
          <h3>
            <code>{title}</code> {word}
          </h3>
          {changes.length > 0 && (
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Now on devices</th>
                  <th scope="col">From Fleet</th>
                </tr>
              </thead>
              <tbody>
                {changes.map(({ path, source, fleet }) => (
                  <tr key={path}>
                    <th scope="row">
                      <code>{path}</code>
                    </th>
                    <td className={source?.masked === true ? 'muted' : ''}>{source?.text ?? 'absent'}</td>
                    <td className={fleet?.masked === true ? 'muted' : ''}>{fleet?.text ?? 'absent'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {more > 0 && <p className="muted">and {counted(more, 'more field')}</p>}
        </div>
      ))}
    </div>
  );
}
