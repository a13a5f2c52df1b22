/** Devices a run left out, by reason. The list is bounded; the journal has all of them. */
import { useState } from 'react';
import type { ApplySummary } from '../../../contract/state';
import { Button } from '../../components/button';
import { SeverityIcon } from '../../components/severity-icon';
import { ShortId } from '../../components/short-id';
import { SubjectList } from '../../components/subject-list';
import { counted, grouped } from '../../format/number';
import { inWords } from '../../format/words';

type Device = ApplySummary['held'][number];

interface LeftOutProps {
  readonly title: string;
  readonly devices: readonly Device[];
  /** How many there are, also those that are not listed. */
  readonly all: number;
}

export function LeftOut({ title, devices, all }: LeftOutProps): React.JSX.Element | null {
  if (devices.length === 0) return null;
  const groups = new Map<string, Device[]>();
  for (const device of devices) groups.set(device.code, [...(groups.get(device.code) ?? []), device]);
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul className="left-out">
        {[...groups].map(([code, list]) => (
          <li key={code}>
            <SeverityIcon severity="caution" />
            <Group code={code} devices={list} />
          </li>
        ))}
      </ul>
      {all > devices.length && (
        <p className="muted">
          The first {grouped(devices.length)} of {grouped(all)}; the journal names all of them.
        </p>
      )}
    </section>
  );
}

interface GroupProps {
  readonly code: string;
  readonly devices: readonly Device[];
}

function Group({ code, devices }: GroupProps): React.JSX.Element {
  const [first] = devices;
  const alike = devices.every(({ sentence }) => sentence === first?.sentence);
  return (
    <div>
      <p>
        <b>{counted(devices.length, 'device')}:</b> {alike ? first?.sentence : inWords(code)}
      </p>
      {alike ? <SubjectList subjects={devices.map(({ udid }) => udid)} first={4} /> : <OneByOne devices={devices} />}
      <p className="apply-code">{code}</p>
    </div>
  );
}

const AT_FIRST = 4;

/** Each says something else: when it was seen, which value it has. */
function OneByOne({ devices }: Pick<GroupProps, 'devices'>): React.JSX.Element {
  const [all, setAll] = useState(false);
  const shown = all ? devices : devices.slice(0, AT_FIRST);
  return (
    <>
      <ul className="left-out-each">
        {shown.map(({ udid, sentence }) => (
          <li key={udid}>
            <ShortId value={udid} label="UDID" ends={8} /> <span className="muted">{sentence}</span>
          </li>
        ))}
      </ul>
      {devices.length > AT_FIRST && (
        <Button
          variant="quiet"
          className="subjects-more"
          aria-expanded={all}
          onClick={() => {
            setAll(!all);
          }}
        >
          {all ? 'Show fewer' : `and ${counted(devices.length - AT_FIRST, 'other')}`}
        </Button>
      )}
    </>
  );
}
