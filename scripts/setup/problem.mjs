/** Something the user must change before set-up can go on. Its message is one line that says what to do. */
export class SetupProblem extends Error {}
