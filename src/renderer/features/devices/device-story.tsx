/** A device's story beside the table: where it stands, by what, what needs attention, and what happened when. */
import type { DeviceStory, WatchEvent } from '../../../contract/watch';
import { ProblemNote } from '../../components/problem-note';
import { TimeText } from '../../components/time-text';
import { WATCH_LOOKS, WatchBadge } from '../../components/watch-badge';
import './device-story.css';

const SIDES: Readonly<Record<WatchEvent['side'], string>> = {
  old: 'Old server',
  slipway: 'Slipway',
  fleet: 'Fleet',
  ahead: 'Ahead',
};

export function Standing({ story }: { readonly story: DeviceStory }): React.JSX.Element {
  const { state } = story.watch;
  return (
    <>
      <WatchBadge state={state} />
      <span className="muted">{story.proof === null ? WATCH_LOOKS[state].sentence : story.proof.sentence}</span>
    </>
  );
}

export function Attentions({ story }: { readonly story: DeviceStory }): React.JSX.Element | null {
  if (story.attention.length === 0) return null;
  return (
    <section className="drawer-part">
      <h3>Attention</h3>
      <ul className="drawer-list">
        {story.attention.map(({ code, sentence, remedy }) => (
          <li key={code}>
            <ProblemNote severity="warning" what={sentence} remedy={remedy} code={code} plain />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Story({ story }: { readonly story: DeviceStory }): React.JSX.Element {
  return (
    <section className="drawer-part">
      <h3>Story</h3>
      {story.events.length === 0 ? (
        <p className="muted">Nothing is known of it yet.</p>
      ) : (
        <ol className="story">
          {story.events.map((event) => (
            <li key={`${event.at} ${event.title}`} className={`story-event story-${event.side}`}>
              <span className={`story-dot fill-${event.tone}`} aria-hidden />
              <div className="story-when">
                <TimeText at={event.at} as="second" />
                <span className="story-side">{SIDES[event.side]}</span>
              </div>
              <div className="story-what">
                <b>{event.title}</b>
                <span className="muted">{event.evidence}</span>
              </div>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
