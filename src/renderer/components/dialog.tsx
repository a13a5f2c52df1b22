/** A modal dialog: Esc and the cross close it, focus stays inside and goes back where it was. */
import { Modal } from '@mantine/core';
import { useEscape } from '../hooks/use-escape';
import './dialog.css';

interface DialogProps {
  readonly title: string;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly width?: number | undefined;
  readonly children: React.ReactNode;
}

export function Dialog({ title, opened, onClose, width = 520, children }: DialogProps): React.JSX.Element {
  useEscape(opened, onClose);
  return (
    <Modal.Root opened={opened} onClose={onClose} size={width} returnFocus>
      <Modal.Overlay />
      <Modal.Content>
        <div className="dialog-head">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
