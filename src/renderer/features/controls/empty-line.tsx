/** A list that has nothing to show, in one line. */
export function EmptyLine({ text }: { readonly text: string }): React.JSX.Element {
  return <p className="controls-empty muted">{text}</p>;
}
