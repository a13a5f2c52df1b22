/** Keys to press, each in its own cap: `<Keys keys="Ctrl K" />`. */
import './keys.css';

export function Keys({ keys }: { readonly keys: string }): React.JSX.Element {
  return (
    <span className="keys">
      {keys.split(' ').map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}
