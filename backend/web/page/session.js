// What this tab remembers over a reload: whether and how it was connected, the
// name and the rooms, but never the token.

const key = "parley";

export const session = {
  get() {
    try {
      return JSON.parse(sessionStorage.getItem(key)) ?? {};
    } catch {
      return {};
    }
  },
  set(part) {
    try {
      sessionStorage.setItem(key, JSON.stringify({ ...this.get(), ...part }));
    } catch {
      // A browser that forbids storage only forgets.
    }
  },
};
