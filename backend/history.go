package backend

import "context"

// History asks for a page of a room's messages.
type History struct {
	RoomID string

	// Before is the Next of the page before. Empty means the newest messages.
	Before string

	// Limit is the largest number of messages, 1 to [MaxLimit]. Nil means [DefaultLimit].
	Limit *int
}

// History returns saved messages of a room, newest first. A room that nobody has written to has an empty page.
func (s *Service) History(ctx context.Context, p Principal, req History) (Page, error) {
	if err := ValidateRoom("roomId", req.RoomID); err != nil {
		return Page{}, err
	}
	if err := permit(p, ActionHistory, req.RoomID); err != nil {
		return Page{}, err
	}
	limit := DefaultLimit
	if req.Limit != nil {
		if limit = *req.Limit; limit == 0 { // which ValidateLimit and the store take for the default
			return Page{}, Invalid("limit", "must be 1 to %d", MaxLimit)
		}
	}
	if err := ValidateBefore(req.Before); err != nil {
		return Page{}, err
	}
	if _, err := ValidateLimit(limit); err != nil {
		return Page{}, err
	}
	return s.store.Messages(ctx, req.RoomID, req.Before, limit)
}
