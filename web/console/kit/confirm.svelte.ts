/** A question before something that can't be taken back: `if (await confirm({ … })) …`. */
export interface Question {
  title: string;
  text?: string;
  /** What is done: a verb. */
  action: string;
  cancel?: string;
  isDangerous?: boolean;
}

interface Asked extends Question {
  answer: (isYes: boolean) => void;
}

let asked = $state.raw<Asked>();

export function confirm(question: Question): Promise<boolean> {
  asked?.answer(false);
  return new Promise((answer) => (asked = { ...question, answer }));
}

export function question(): Asked | undefined {
  return asked;
}

export function answer(isYes: boolean): void {
  asked?.answer(isYes);
  asked = undefined;
}
