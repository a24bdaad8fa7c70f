// The application's functions, some of which return a promise, and all of which may throw.

/** What a function returns or throws, as a promise. */
export const promised = async <T>(action: () => T | Promise<T>): Promise<T> => action();
