/** What the next wave would do: looked at, nothing written yet. */
import { X } from 'lucide-react';
import type { WavePreviewShown } from '../../../contract/waves';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Stat, Stats } from '../../components/stat';
import { SubjectList } from '../../components/subject-list';
import { TimeText } from '../../components/time-text';
import { counted, grouped } from '../../format/number';
import { useReveal } from '../../hooks/use-reveal';
import { perform } from '../../hooks/use-call';
import { LeftOut } from '../apply/left-out';
import { goTo } from '../../stores/route';
import { useAcceptance } from './acceptance';

export function WavePreview({ preview }: { readonly preview: WavePreviewShown }): React.JSX.Element {
  const { counts } = preview;
  const top = useReveal<HTMLDivElement>(preview.at);
  return (
    <Panel
      title={`Wave «${preview.rung}»`}
      sentence={
        preview.resumes === null
          ? 'The source was read again. Nothing has been changed yet.'
          : `It was interrupted after «${preview.resumes}» and is taken up again with the same devices.`
      }
      aside={
        <>
          <span className="muted">
            looked at <TimeText at={preview.at} as="distance" />
          </span>
          <Button icon={X} variant="quiet" onClick={() => void perform('waves', 'waves.leave', undefined)}>
            Put away
          </Button>
        </>
      }
    >
      <div ref={top} className="stack">
        <Stats label="What this wave does">
          <Stat
            label="To Fleet"
            value={counts.moving}
            tone="good"
            note={`${grouped(counts.atFleet)} go there already`}
          />
          <Stat label="Rows inserted" value={counts.insert} />
          <Stat label="Rows refreshed" value={counts.refresh} />
          <Stat label="Kept as they are" value={counts.keep} />
          <Stat label="Stay behind" value={counts.left} {...(counts.left > 0 ? { tone: 'caution' as const } : {})} />
        </Stats>
        {preview.obstacles.map((obstacle) => (
          <Obstacle key={obstacle.code} obstacle={obstacle} />
        ))}
        <p className="waves-wake">{wakeSentence(preview)}</p>
        <LeftOut title="These stay at the old server" devices={preview.left} all={counts.left} />
      </div>
    </Panel>
  );
}

function Obstacle({ obstacle }: { readonly obstacle: WavePreviewShown['obstacles'][number] }): React.JSX.Element {
  const accept = useAcceptance(obstacle.code);
  const actions = [
    ...(obstacle.code === 'ladder-outlasts-certificates'
      ? [
          {
            id: 'first',
            label: 'Change the ladder',
            run: () => {
              goTo('waves', 'view=ladder');
            },
          },
        ]
      : []),
    ...(obstacle.overridable ? [accept] : []),
  ];
  return (
    <ProblemNote
      plain
      severity="error"
      what={obstacle.sentence}
      remedy={obstacle.remedy}
      code={obstacle.code}
      actions={actions}
    >
      <SubjectList subjects={obstacle.udids} first={4} />
    </ProblemNote>
  );
}

/** What is sent to devices, said before it is. */
export function wakeSentence({ wake, counts }: WavePreviewShown): string {
  if (wake === null)
    return counts.moving === 0
      ? ''
      : 'Nobody is woken: devices come when they call in by themselves. With Fleet’s address and API token at Fleet they are.';
  const parts = [
    wake.byFleet > 0
      ? `${counted(wake.byFleet, 'device')} get a command of Fleet that asks for UDID and serial number and changes nothing`
      : '',
    wake.pushed > 0 ? `${counted(wake.pushed, 'device')} are pushed by the old server` : '',
    wake.unreached > 0
      ? `${counted(wake.unreached, 'device')} Fleet has no host of are not woken, since the old server’s API key or address is not given`
      : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `After the switch ${parts.join('; ')}.`;
}
