package rpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// maxStreams limits what one connection may ask at once; a client with more
// requests waits for earlier ones.
const maxStreams = 4096

// NewServer makes the gRPC server that both services are registered on.
// frameBytes is the largest frame (Config.FrameBytes, 0 for its default), which
// bounds requests of clients too. A budget that the client service counts against
// must be this server's.
func NewServer(frameBytes int, b *Budgets) *grpc.Server {
	frameBytes = Config{FrameBytes: frameBytes}.withDefaults().FrameBytes
	return grpc.NewServer(
		grpc.MaxRecvMsgSize(frameBytes+messageBytes+envelopeSlack),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ForceServerCodecV2(newCodec(b)),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		// Peers and clients ping at keepaliveTime; without this they would be
		// sent away for pinging too often.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: keepaliveTime / 2, PermitWithoutStream: true,
		}),
	)
}
