package socketio_test

import (
	"context"
	"errors"

	"github.com/parleyio/parley/cluster"
)

// recorder is the log of a node that is alone, with hooks: it tells of the namespaces that are followed and left, and fails
// where the hooks say so.
type recorder struct {
	cluster.Log
	follow func(namespace string) error
	leave  func(namespace string)
	close  func() error
	append func()
	offset func()
	keep   func(*cluster.Session)
	node   cluster.LogNode // what the engine has handed over
}

func newRecorder() *recorder { return &recorder{Log: cluster.PrivateLog(cluster.MemoryLogLimits{})} }

func (r *recorder) Start(ctx context.Context, node cluster.LogNode) error {
	r.node = node
	return r.Log.Start(ctx, node)
}

func (r *recorder) Follow(ctx context.Context, namespace string) (cluster.Position, error) {
	if r.follow != nil {
		if err := r.follow(namespace); err != nil {
			return cluster.Position{}, err
		}
	}
	return r.Log.Follow(ctx, namespace)
}

func (r *recorder) Unfollow(ctx context.Context, namespace string) error {
	if r.leave != nil {
		r.leave(namespace)
	}
	return r.Log.Unfollow(ctx, namespace)
}

func (r *recorder) Append(ctx context.Context, namespace string, entries []cluster.Entry) error {
	if r.append != nil {
		r.append()
	}
	return r.Log.Append(ctx, namespace, entries)
}

func (r *recorder) AppendOffset(b []byte, at cluster.Position) []byte {
	if r.offset != nil {
		r.offset()
	}
	return r.Log.AppendOffset(b, at)
}

func (r *recorder) Keep(ctx context.Context, sessions []*cluster.Session) []error {
	if r.keep != nil {
		for _, s := range sessions {
			r.keep(s)
		}
	}
	return r.Log.Keep(ctx, sessions)
}

func (r *recorder) Close(ctx context.Context) error {
	err := r.Log.Close(ctx)
	if r.close != nil {
		err = errors.Join(err, r.close())
	}
	return err
}
