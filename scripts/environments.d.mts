/** The folder of package.json, in a checkout as in an installed package. */
export const packageRoot: string;
/** Whether this is a checkout with sources; an installed package has only dist. */
export const isCheckout: boolean;
/** The folder of everything that set-up makes. */
export function longformHome(variables?: NodeJS.ProcessEnv): string;
/** The environment variable that names an interpreter to use instead of the environment. */
export function interpreterVariable(name: string): string;
/** The folder of the named environment that set-up makes. */
export function environmentFolder(name: string, variables?: NodeJS.ProcessEnv): string;
/** The interpreter of the named environment; it may not exist. */
export function environmentPython(name: string, variables?: NodeJS.ProcessEnv): string;
